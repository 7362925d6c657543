ALTER TABLE "api_requests" ADD COLUMN "user_id" uuid;--> statement-breakpoint
ALTER TABLE "api_requests" ADD CONSTRAINT "api_requests_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_requests_user_id_index" ON "api_requests" USING btree ("user_id");