DROP INDEX "notices_waiting";--> statement-breakpoint
ALTER TABLE "notices" ADD COLUMN "subject" text;--> statement-breakpoint
CREATE INDEX "notices_waiting" ON "notices" USING btree ("not_before") WHERE "notices"."mail" in ('waiting', 'claimed', 'leaving');