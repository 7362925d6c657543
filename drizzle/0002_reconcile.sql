CREATE TABLE "incidents" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"brokerage_id" uuid NOT NULL,
	"began_at" timestamp (3) with time zone NOT NULL,
	"last_seen_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "rounds" (
	"id" integer PRIMARY KEY NOT NULL,
	"leased_until" timestamp (3) with time zone NOT NULL,
	"fence" integer DEFAULT 0 NOT NULL,
	"up_since" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "snaptrade_calls" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"background" boolean NOT NULL
);
--> statement-breakpoint
CREATE TABLE "snaptrade_limits" (
	"id" integer PRIMARY KEY NOT NULL,
	"per_minute" integer NOT NULL,
	"remaining" integer,
	"remaining_until" timestamp (3) with time zone,
	"blocked_until" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "beats" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "beat_gap_ms" integer;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "next_look_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "checks" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "checks_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "gone_why" text;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "deletion_requested_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_brokerage_id_brokerages_id_fk" FOREIGN KEY ("brokerage_id") REFERENCES "public"."brokerages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "incidents_one_open" ON "incidents" USING btree ("brokerage_id") WHERE "incidents"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "snaptrade_calls_at_index" ON "snaptrade_calls" USING btree ("at");--> statement-breakpoint
CREATE INDEX "connections_beating" ON "connections" USING btree ("last_beat_at") WHERE "connections"."state" = 'enabled';--> statement-breakpoint
CREATE INDEX "episodes_noticed_at_index" ON "episodes" USING btree ("noticed_at");--> statement-breakpoint
CREATE INDEX "snaptrade_users_next_look" ON "snaptrade_users" USING btree ("next_look_at") WHERE "snaptrade_users"."gone_at" is null;--> statement-breakpoint
CREATE INDEX "snaptrade_users_stalest" ON "snaptrade_users" USING btree (greatest("looked_at", "look_failed_at")) WHERE "snaptrade_users"."gone_at" is null;--> statement-breakpoint
CREATE INDEX "snaptrade_users_look_due" ON "snaptrade_users" USING btree ("look_due_at") WHERE "snaptrade_users"."look_due_at" is not null;--> statement-breakpoint
UPDATE "observations" SET "source" = 'person' WHERE "source" = 'look';--> statement-breakpoint
UPDATE "episodes" SET "noticed_by" = 'person' WHERE "noticed_by" = 'look';--> statement-breakpoint
INSERT INTO "snaptrade_limits" ("id", "per_minute") VALUES (1, 250);--> statement-breakpoint
INSERT INTO "rounds" ("id", "leased_until", "up_since") VALUES (1, now(), now());
