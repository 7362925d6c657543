CREATE TABLE "former_snaptrade_users" (
	"snaptrade_user_id" text PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"why" text NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"connection_ids" uuid[] DEFAULT '{}' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"run_at" timestamp (3) with time zone NOT NULL,
	"accepted_at" timestamp (3) with time zone,
	"last_error" text,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "sign_in_mails" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"network" text NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "removal_accepted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "removal_asked_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "removal_attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "removal_run_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "removal_last_error" text;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "refusals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "ask_again_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "deletion_run_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "deletion_attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "deletion_last_error" text;--> statement-breakpoint
ALTER TABLE "notices" ADD COLUMN "held_for" uuid;--> statement-breakpoint
ALTER TABLE "rounds" ADD COLUMN "report" jsonb;--> statement-breakpoint
ALTER TABLE "snaptrade_calls" ADD COLUMN "person" text;--> statement-breakpoint
ALTER TABLE "snaptrade_calls" ADD COLUMN "answered_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD COLUMN "sequence" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD COLUMN "per_minute_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD COLUMN "remaining_call_id" bigint;--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD COLUMN "remaining_heard_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD COLUMN "refused_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD COLUMN "refusals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "former_snaptrade_users" ADD CONSTRAINT "former_snaptrade_users_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "former_snaptrade_users_due" ON "former_snaptrade_users" USING btree ("run_at") WHERE "former_snaptrade_users"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "former_snaptrade_users_user_id_index" ON "former_snaptrade_users" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sign_in_mails_requested_at_index" ON "sign_in_mails" USING btree ("requested_at");--> statement-breakpoint
CREATE INDEX "sign_in_mails_network_requested_at_index" ON "sign_in_mails" USING btree ("network","requested_at");--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_held_for_brokerages_id_fk" FOREIGN KEY ("held_for") REFERENCES "public"."brokerages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "connections_removals" ON "connections" USING btree ("removal_run_at") WHERE "connections"."removal_run_at" is not null and "connections"."state" <> 'deleted';--> statement-breakpoint
CREATE INDEX "episodes_broke_at_index" ON "episodes" USING btree ("broke_at");--> statement-breakpoint
CREATE INDEX "episodes_ended_at_index" ON "episodes" USING btree ("ended_at");--> statement-breakpoint
CREATE INDEX "snaptrade_users_ask_again" ON "snaptrade_users" USING btree ("ask_again_at") WHERE "snaptrade_users"."ask_again_at" is not null;--> statement-breakpoint
CREATE INDEX "users_deletions" ON "users" USING btree ("deletion_run_at") WHERE "users"."deletion_requested_at" is not null;--> statement-breakpoint
CREATE INDEX "notices_held" ON "notices" USING btree ("held_for","user_id") WHERE "notices"."mail" = 'held';--> statement-breakpoint
CREATE INDEX "webhook_events_waiting_by_person" ON "webhook_events" USING btree (coalesce("snaptrade_user_id", ''),"next_attempt_at") WHERE "webhook_events"."state" = 'waiting' and "webhook_events"."type" <> 'ACCOUNT_HOLDINGS_UPDATED';--> statement-breakpoint
CREATE INDEX "webhook_events_dead" ON "webhook_events" USING btree ("received_at") WHERE "webhook_events"."state" = 'dead';--> statement-breakpoint
CREATE INDEX "webhook_events_no_user" ON "webhook_events" USING btree ("connection_id") WHERE "webhook_events"."snaptrade_user_id" is null and "webhook_events"."connection_id" is not null;--> statement-breakpoint
UPDATE "snaptrade_users" SET "refusals" = 3, "ask_again_at" = now() WHERE "gone_why" = 'refused';--> statement-breakpoint
UPDATE "connections" SET "removal_asked_at" = "removal_requested_at", "removal_accepted_at" = "removal_requested_at", "removal_attempts" = 1, "removal_run_at" = now() WHERE "removal_requested_at" IS NOT NULL AND "state" <> 'deleted';--> statement-breakpoint
UPDATE "snaptrade_limits" SET "remaining" = NULL, "remaining_until" = NULL, "blocked_until" = NULL;
