DROP INDEX "portal_sessions_one_open";--> statement-breakpoint
ALTER TABLE "brokerage_accounts" ADD COLUMN "institution_account_id" text;--> statement-breakpoint
ALTER TABLE "brokerage_accounts" ADD COLUMN "missing_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "first_observed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "unreadable_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "updated_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "read_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "read_state" text;--> statement-breakpoint
ALTER TABLE "observations" ADD COLUMN "answered_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "active_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "left_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "accounts_asked_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "unreadable_connections" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "portal_sessions_open" ON "portal_sessions" USING btree ("active_at") WHERE "portal_sessions"."outcome" is null;--> statement-breakpoint
UPDATE "connections" SET "first_observed_at" = coalesce("connected_since", "observed_at");
