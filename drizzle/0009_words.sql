-- Renames columns, and limits them to the values that the code knows. Nothing is lost.
-- NEEDS A STOP: the previous version does not know the new names. Stop it, migrate, start this one.
ALTER TABLE "connections" RENAME COLUMN "last_beat_at" TO "last_heartbeat_at";--> statement-breakpoint
ALTER TABLE "connections" RENAME COLUMN "beats" TO "heartbeats";--> statement-breakpoint
ALTER TABLE "connections" RENAME COLUMN "beat_gap_ms" TO "heartbeat_gap_ms";--> statement-breakpoint
ALTER TABLE "connections" RENAME COLUMN "kept_beside_at" TO "kept_both_since";--> statement-breakpoint
ALTER INDEX "connections_beating" RENAME TO "connections_heartbeats";--> statement-breakpoint
ALTER TABLE "brokerages" RENAME COLUMN "opens_window" TO "sign_in_opens_popup";--> statement-breakpoint
ALTER TABLE "snaptrade_users" RENAME COLUMN "gone_why" TO "gone_reason";--> statement-breakpoint
ALTER TABLE "snaptrade_users" RENAME COLUMN "checks" TO "checks_this_minute";--> statement-breakpoint
ALTER TABLE "snaptrade_users" RENAME COLUMN "checks_since" TO "checks_counted_since";--> statement-breakpoint
ALTER TABLE "portal_sessions" RENAME COLUMN "attempt_result" TO "sign_in_result";--> statement-breakpoint
ALTER TABLE "portal_sessions" RENAME COLUMN "claimed_at" TO "reported_at";--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "reported_status" text;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "reported_code" text;--> statement-breakpoint
UPDATE "portal_sessions" SET "reported_status" = "claim"->>'status', "reported_code" = "claim"->>'code' WHERE "claim" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "portal_sessions" DROP COLUMN "claim";--> statement-breakpoint
UPDATE "portal_sessions" SET "intent" = case "wish" when 'trade' then 'allow-trading' else 'renew' end WHERE "wish" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "portal_sessions" DROP COLUMN "wish";--> statement-breakpoint
ALTER TABLE "webhook_events" RENAME COLUMN "attempt_result" TO "sign_in_result";--> statement-breakpoint
ALTER TABLE "webhook_events" RENAME COLUMN "next_attempt_at" TO "run_at";--> statement-breakpoint
ALTER TABLE "webhook_events" RENAME COLUMN "problem" TO "last_error";--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "locked_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "notices" RENAME COLUMN "not_before" TO "run_at";--> statement-breakpoint
ALTER TABLE "notices" RENAME COLUMN "problem" TO "last_error";--> statement-breakpoint
ALTER TABLE "notices" RENAME COLUMN "claimed_at" TO "locked_until";--> statement-breakpoint
UPDATE "notices" SET "locked_until" = "locked_until" + interval '2 minutes' WHERE "mail" IN ('claimed', 'leaving');--> statement-breakpoint
UPDATE "notices" SET "kind" = 'when-back' WHERE "kind" = 'back';--> statement-breakpoint
ALTER TABLE "rounds" RENAME COLUMN "leased_until" TO "locked_until";--> statement-breakpoint
UPDATE "snaptrade_users" SET "gone_reason" = case when "gone_at" is null then null else coalesce("gone_reason", 'deleted') end WHERE ("gone_at" is null) <> ("gone_reason" is null);--> statement-breakpoint
CREATE INDEX "connections_brokerage_id_index" ON "connections" USING btree ("brokerage_id");--> statement-breakpoint
CREATE INDEX "incidents_brokerage_id_index" ON "incidents" USING btree ("brokerage_id");--> statement-breakpoint
CREATE INDEX "portal_sessions_brokerage_id_index" ON "portal_sessions" USING btree ("brokerage_id");--> statement-breakpoint
CREATE INDEX "portal_sessions_queue_id_index" ON "portal_sessions" USING btree ("queue_id");--> statement-breakpoint
CREATE INDEX "fix_links_user_id_index" ON "fix_links" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "fix_links_episode_id_index" ON "fix_links" USING btree ("episode_id");--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_access" CHECK ("connections"."access" in ('read', 'trade'));--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_state" CHECK ("connections"."state" in ('enabled', 'disabled', 'deleted'));--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_read_state" CHECK ("connections"."read_state" in ('enabled', 'disabled', 'deleted'));--> statement-breakpoint
ALTER TABLE "episodes" ADD CONSTRAINT "episodes_noticed_by" CHECK ("episodes"."noticed_by" in ('webhook', 'timer', 'person', 'portal'));--> statement-breakpoint
ALTER TABLE "episodes" ADD CONSTRAINT "episodes_ended_how" CHECK ("episodes"."ended_how" in ('fixed', 'deleted'));--> statement-breakpoint
ALTER TABLE "observations" ADD CONSTRAINT "observations_state" CHECK ("observations"."state" in ('enabled', 'disabled', 'deleted'));--> statement-breakpoint
ALTER TABLE "observations" ADD CONSTRAINT "observations_source" CHECK ("observations"."source" in ('webhook', 'timer', 'person', 'portal'));--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_intent" CHECK ("portal_sessions"."intent" in ('connect', 'reconnect', 'renew', 'allow-trading'));--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_reported_status" CHECK ("portal_sessions"."reported_status" in ('SUCCESS', 'ERROR', 'ABANDONED', 'UNKNOWN'));--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_outcome" CHECK ("portal_sessions"."outcome" in ('fixed', 'connected', 'failed', 'replaced', 'not-opened'));--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD CONSTRAINT "snaptrade_users_gone_reason" CHECK ("snaptrade_users"."gone_reason" in ('deleted', 'refused'));--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD CONSTRAINT "snaptrade_users_gone" CHECK (("snaptrade_users"."gone_at" is null) = ("snaptrade_users"."gone_reason" is null));--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_mail_preference" CHECK ("users"."mail_preference" in ('all', 'first', 'none'));--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_quiet_hours" CHECK ("users"."quiet_from" between 0 and 1439 and "users"."quiet_to" between 0 and 1439);--> statement-breakpoint
ALTER TABLE "former_snaptrade_users" ADD CONSTRAINT "former_snaptrade_users_why" CHECK ("former_snaptrade_users"."why" in ('registering', 'surplus', 'refused', 'deleted', 'account-deleted'));--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_kind" CHECK ("notices"."kind" in ('broke', 'reminder-3', 'reminder-7', 'when-back', 'fixed'));--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_mail" CHECK ("notices"."mail" in ('waiting', 'held', 'claimed', 'leaving', 'sent', 'cancelled', 'failed', 'unknown'));--> statement-breakpoint
ALTER TABLE "rounds" ADD CONSTRAINT "rounds_one_row" CHECK ("rounds"."id" = 1);--> statement-breakpoint
ALTER TABLE "snaptrade_limits" ADD CONSTRAINT "snaptrade_limits_one_row" CHECK ("snaptrade_limits"."id" = 1);--> statement-breakpoint
ALTER TABLE "webhook_events" ADD CONSTRAINT "webhook_events_state" CHECK ("webhook_events"."state" in ('waiting', 'done', 'dead'));--> statement-breakpoint
ALTER TABLE "webhook_events" ADD CONSTRAINT "webhook_events_outcome" CHECK ("webhook_events"."outcome" in ('applied', 'looked', 'noted', 'kept', 'unknown-user', 'foreign-connection', 'other-client', 'unreadable'));
