CREATE TABLE "rate_limits" (
	"key" text PRIMARY KEY NOT NULL,
	"free_at" timestamp (3) with time zone NOT NULL
);--> statement-breakpoint
ALTER TABLE "sign_in_mails" DISABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP TABLE "sign_in_mails" CASCADE;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "id" uuid DEFAULT gen_random_uuid() NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "device" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "created_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "last_used_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "rate_limits_free_at_index" ON "rate_limits" USING btree ("free_at");--> statement-breakpoint
CREATE INDEX "sessions_last_used_at_index" ON "sessions" USING btree ("last_used_at");--> statement-breakpoint
ALTER TABLE "snaptrade_users" DROP COLUMN "checks_this_minute";--> statement-breakpoint
ALTER TABLE "snaptrade_users" DROP COLUMN "checks_counted_since";--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_id_unique" UNIQUE("id");--> statement-breakpoint
-- Below: written by hand. REQUIRES DOWNTIME: the previous version reads other columns.
DELETE FROM "sessions" WHERE "expires" < now();--> statement-breakpoint
-- A session expired 30 days after it was last extended, at most a day before its last use.
UPDATE "sessions" SET "created_at" = least(now(), "expires" - interval '30 days'), "last_used_at" = least(now(), "expires" - interval '29 days'),
	"session_token" = encode(sha256(convert_to("session_token", 'UTF8')), 'hex');--> statement-breakpoint
ALTER TABLE "sessions" DROP COLUMN "expires";--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_token_is_hashed" CHECK ("sessions"."session_token" ~ '^[0-9a-f]{64}$');
