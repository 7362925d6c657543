-- No downtime: the previous version keeps running on this, because it only ever adds people with an e-mail
-- address. Add people without one only once every process runs this version.
ALTER TABLE "users" ALTER COLUMN "email" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "adopted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "external_id" text;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "locale" text;--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_external_id_unique" UNIQUE("external_id");--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_external_id" CHECK (char_length("users"."external_id") between 1 and 255);--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_known_by_something" CHECK ("users"."external_id" is not null or "users"."email" is not null);
