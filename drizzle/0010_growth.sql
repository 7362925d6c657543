-- Splits the webhook events: waiting and dead ones go to the inbox, processed ones to a table with one partition per day.
-- Nothing is lost except processed events older than 90 days and the payloads of processed heartbeats, which are no longer kept.
-- REQUIRES DOWNTIME: the previous version does not know the new tables. Stop it, migrate, start this one.
CREATE TABLE "inbox_events" (
	"id" text PRIMARY KEY NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"happened_at" timestamp (3) with time zone,
	"connection_id" uuid,
	"brokerage_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	"type" text NOT NULL,
	"snaptrade_user_id" text,
	"client_id" text,
	"sign_in_result" text,
	"payload" text NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"run_at" timestamp (3) with time zone NOT NULL,
	"locked_until" timestamp (3) with time zone,
	"last_error" text,
	CONSTRAINT "inbox_events_state" CHECK ("inbox_events"."state" in ('waiting', 'dead'))
);
--> statement-breakpoint
CREATE TABLE "webhook_event_ids" (
	"id" text NOT NULL,
	"day" date NOT NULL,
	CONSTRAINT "webhook_event_ids_id_day_pk" PRIMARY KEY("id","day")
) PARTITION BY RANGE ("day");
--> statement-breakpoint
CREATE INDEX "inbox_events_waiting" ON "inbox_events" USING btree ("run_at") WHERE "inbox_events"."state" = 'waiting';--> statement-breakpoint
CREATE INDEX "inbox_events_waiting_by_person" ON "inbox_events" USING btree (coalesce("snaptrade_user_id", ''),"run_at") WHERE "inbox_events"."state" = 'waiting' and "inbox_events"."type" <> 'ACCOUNT_HOLDINGS_UPDATED';--> statement-breakpoint
CREATE INDEX "inbox_events_dead" ON "inbox_events" USING btree ("received_at") WHERE "inbox_events"."state" = 'dead';--> statement-breakpoint
CREATE INDEX "inbox_events_snaptrade_user_id_index" ON "inbox_events" USING btree ("snaptrade_user_id");--> statement-breakpoint
CREATE INDEX "inbox_events_no_user" ON "inbox_events" USING btree ("connection_id") WHERE "inbox_events"."snaptrade_user_id" is null and "inbox_events"."connection_id" is not null;--> statement-breakpoint
CREATE INDEX "sessions_expires_index" ON "sessions" USING btree ("expires");--> statement-breakpoint
CREATE INDEX "verification_tokens_expires_index" ON "verification_tokens" USING btree ("expires");--> statement-breakpoint
CREATE INDEX "former_snaptrade_users_deleted" ON "former_snaptrade_users" USING btree ("deleted_at") WHERE "former_snaptrade_users"."deleted_at" is not null;--> statement-breakpoint
CREATE INDEX "fix_links_expires_at_index" ON "fix_links" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "notices_over" ON "notices" USING btree ("created_at","id") WHERE "notices"."mail" in ('sent', 'cancelled', 'failed', 'unknown');--> statement-breakpoint
CREATE INDEX "portal_sessions_in_vain" ON "portal_sessions" USING btree ("ended_at") WHERE "portal_sessions"."outcome" in ('failed', 'replaced', 'not-opened');--> statement-breakpoint
CREATE INDEX "reconnect_queues_started_at_index" ON "reconnect_queues" USING btree ("started_at");--> statement-breakpoint
-- Written by hand: drizzle does not know partitions (lib/db/days.ts makes them).
ALTER TABLE "webhook_events" RENAME TO "webhook_events_before";--> statement-breakpoint
DROP INDEX "webhook_events_no_user";--> statement-breakpoint
CREATE TABLE "webhook_events" (
	"id" text NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"happened_at" timestamp (3) with time zone,
	"connection_id" uuid,
	"brokerage_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	"type" text NOT NULL,
	"snaptrade_user_id" text,
	"client_id" text,
	"sign_in_result" text,
	"payload" text NOT NULL,
	"outcome" text NOT NULL,
	CONSTRAINT "webhook_events_outcome" CHECK ("webhook_events"."outcome" in ('applied', 'looked', 'noted', 'kept', 'unknown-user', 'foreign-connection', 'other-client'))
) PARTITION BY RANGE ("received_at");
--> statement-breakpoint
CREATE INDEX "webhook_events_user" ON "webhook_events" USING btree ("snaptrade_user_id") WHERE "webhook_events"."snaptrade_user_id" is not null;--> statement-breakpoint
CREATE INDEX "webhook_events_received" ON "webhook_events" USING brin ("received_at");--> statement-breakpoint
CREATE INDEX "webhook_events_no_user" ON "webhook_events" USING btree ("connection_id") WHERE "webhook_events"."snaptrade_user_id" is null and "webhook_events"."connection_id" is not null;--> statement-breakpoint
-- Events whose day has no partition are kept here until a round makes one.
CREATE TABLE "webhook_events_default" PARTITION OF "webhook_events" DEFAULT;--> statement-breakpoint
CREATE TABLE "webhook_event_ids_default" PARTITION OF "webhook_event_ids" DEFAULT;--> statement-breakpoint
-- Partitions for the days of existing events, and for the next days.
DO $$
DECLARE
	today date := (now() AT TIME ZONE 'UTC')::date;
	one date;
BEGIN
	FOR one IN
		SELECT DISTINCT day FROM (
			SELECT ("received_at" AT TIME ZONE 'UTC')::date FROM "webhook_events_before" WHERE "received_at" BETWEEN now() - interval '90 days' AND now()
			UNION ALL SELECT today + generate_series(0, 2)
		) AS wanted (day)
	LOOP
		EXECUTE format('CREATE TABLE %I PARTITION OF webhook_events FOR VALUES FROM (%L) TO (%L)',
			'webhook_events_' || to_char(one, 'YYYYMMDD'), to_char(one, 'YYYY-MM-DD 00:00:00+00'), to_char(one + 1, 'YYYY-MM-DD 00:00:00+00'));
		EXECUTE format('CREATE TABLE %I PARTITION OF webhook_event_ids FOR VALUES FROM (%L) TO (%L)',
			'webhook_event_ids_' || to_char(one, 'YYYYMMDD'), to_char(one, 'YYYY-MM-DD'), to_char(one + 1, 'YYYY-MM-DD'));
	END LOOP;
END $$;--> statement-breakpoint
INSERT INTO "inbox_events" ("id", "received_at", "happened_at", "connection_id", "brokerage_id", "attempts", "type", "snaptrade_user_id", "client_id", "sign_in_result", "payload", "state", "run_at", "locked_until", "last_error")
SELECT "id", "received_at", "happened_at", "connection_id", "brokerage_id", "attempts", "type", "snaptrade_user_id", "client_id", "sign_in_result", "payload", "state", "run_at", "locked_until", "last_error"
FROM "webhook_events_before" WHERE "state" IN ('waiting', 'dead');--> statement-breakpoint
INSERT INTO "webhook_events" ("id", "received_at", "happened_at", "connection_id", "brokerage_id", "attempts", "type", "snaptrade_user_id", "client_id", "sign_in_result", "payload", "outcome")
SELECT "id", "received_at", "happened_at", "connection_id", "brokerage_id", "attempts", "type", "snaptrade_user_id", "client_id", "sign_in_result",
	CASE WHEN "type" = 'ACCOUNT_HOLDINGS_UPDATED' THEN '{}' ELSE "payload" END, coalesce("outcome", 'noted')
FROM "webhook_events_before" WHERE "state" = 'done' AND "received_at" > now() - interval '90 days' ORDER BY "received_at";--> statement-breakpoint
INSERT INTO "webhook_event_ids" ("id", "day") SELECT "id", ("received_at" AT TIME ZONE 'UTC')::date
FROM "webhook_events_before" WHERE "received_at" > now() - interval '15 days';--> statement-breakpoint
DROP TABLE "webhook_events_before";--> statement-breakpoint
-- Rows leave the inbox as fast as they arrive, so vacuum goes by the number of changed rows, not by table size.
ALTER TABLE "inbox_events" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
