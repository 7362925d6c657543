CREATE TABLE "webhook_events" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"snaptrade_user_id" text,
	"client_id" text,
	"connection_id" uuid,
	"brokerage_id" uuid,
	"attempt_result" text,
	"happened_at" timestamp (3) with time zone,
	"payload" text NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone NOT NULL,
	"outcome" text,
	"problem" text
);
--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "last_beat_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "attempt_result" text;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "gone_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "webhook_events_waiting" ON "webhook_events" USING btree ("next_attempt_at") WHERE "webhook_events"."state" = 'waiting';--> statement-breakpoint
CREATE INDEX "webhook_events_snaptrade_user_id_index" ON "webhook_events" USING btree ("snaptrade_user_id");