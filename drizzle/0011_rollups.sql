-- What a round needs comes from roll-ups and partial indexes (docs/decisions/0016). Nothing is lost.
-- REQUIRES DOWNTIME: it rewrites connections and fills new columns. Stop the previous version, migrate, start this one.
CREATE TABLE "brokerage_quarters" (
	"brokerage_id" uuid NOT NULL,
	"quarter" timestamp (3) with time zone NOT NULL,
	"people" integer NOT NULL,
	CONSTRAINT "brokerage_quarters_brokerage_id_quarter_pk" PRIMARY KEY("brokerage_id","quarter")
);
--> statement-breakpoint
CREATE TABLE "quarter_marks" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"brokerage_id" uuid NOT NULL,
	"quarter" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "watched_changes" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"change" smallint NOT NULL
);
--> statement-breakpoint
DROP INDEX "connections_heartbeats";--> statement-breakpoint
DROP INDEX "episodes_broke_at_index";--> statement-breakpoint
DROP INDEX "episodes_ended_at_index";--> statement-breakpoint
DROP INDEX "incidents_brokerage_id_index";--> statement-breakpoint
DROP INDEX "notices_waiting";--> statement-breakpoint
DROP INDEX "snaptrade_users_next_look";--> statement-breakpoint
DROP INDEX "snaptrade_users_stalest";--> statement-breakpoint
DROP INDEX "snaptrade_users_look_due";--> statement-breakpoint
ALTER TABLE "brokerages" ADD COLUMN "version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "connections" ADD COLUMN "silent_at" timestamp (3) with time zone GENERATED ALWAYS AS (case when heartbeats >= 3 then (last_heartbeat_at at time zone 'UTC' + heartbeat_gap_ms * 1.25 * interval '1 millisecond' + interval '1 hour') at time zone 'UTC' end) STORED;--> statement-breakpoint
ALTER TABLE "episodes" ADD COLUMN "brokerage_id" uuid;--> statement-breakpoint
ALTER TABLE "episodes" ADD COLUMN "user_id" uuid;--> statement-breakpoint
ALTER TABLE "episodes" ADD COLUMN "lived_days" double precision;--> statement-breakpoint
ALTER TABLE "notices" ADD COLUMN "brokerage_id" uuid;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD COLUMN "watched" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "rounds" ADD COLUMN "watched" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE "episodes" SET "brokerage_id" = "connections"."brokerage_id", "user_id" = "connections"."user_id",
	"lived_days" = extract(epoch from "broke_at" - greatest(
		case when "connected_since" < "broke_at" then "connected_since" end,
		(select max(before."ended_at") from "episodes" as before where before."connection_id" = "connections"."id" and before."broke_at" < "episodes"."broke_at"),
		(select max("ended_at") from "portal_sessions" where "connection_id" = "connections"."id" and "outcome" = 'fixed' and "portal_sessions"."ended_at" < "episodes"."broke_at"))) / 86400
	FROM "connections" WHERE "connections"."id" = "episodes"."connection_id";--> statement-breakpoint
ALTER TABLE "episodes" ALTER COLUMN "brokerage_id" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "episodes" ALTER COLUMN "user_id" SET NOT NULL;--> statement-breakpoint
UPDATE "notices" SET "brokerage_id" = "episodes"."brokerage_id" FROM "episodes" WHERE "episodes"."id" = "notices"."episode_id";--> statement-breakpoint
ALTER TABLE "notices" ALTER COLUMN "brokerage_id" SET NOT NULL;--> statement-breakpoint
UPDATE "snaptrade_users" SET "watched" = true WHERE exists (select 1 from "connections" where "connections"."user_id" = "snaptrade_users"."user_id" and "state" = 'enabled');--> statement-breakpoint
UPDATE "rounds" SET "watched" = (select count(*) from "snaptrade_users" where "watched" and "gone_at" is null and "ask_again_at" is null);--> statement-breakpoint
INSERT INTO "quarter_marks" ("brokerage_id", "quarter") SELECT DISTINCT "brokerage_id", date_bin('15 minutes', "broke_at", 'epoch') FROM "episodes" WHERE "broke_at" > now() - interval '15 days';--> statement-breakpoint
ALTER TABLE "brokerage_quarters" ADD CONSTRAINT "brokerage_quarters_brokerage_id_brokerages_id_fk" FOREIGN KEY ("brokerage_id") REFERENCES "public"."brokerages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "brokerage_quarters_quarter_index" ON "brokerage_quarters" USING btree ("quarter");--> statement-breakpoint
CREATE INDEX "quarter_marks_quarter_index" ON "quarter_marks" USING btree ("quarter");--> statement-breakpoint
CREATE INDEX "connections_silent" ON "connections" USING btree ("silent_at") WHERE "connections"."state" = 'enabled' and "connections"."observed_at" < "connections"."silent_at";--> statement-breakpoint
CREATE INDEX "episodes_breaks" ON "episodes" USING btree ("brokerage_id","broke_at","user_id");--> statement-breakpoint
CREATE INDEX "episodes_lifetimes" ON "episodes" USING btree ("brokerage_id","broke_at","lived_days") WHERE "episodes"."lived_days" > 0;--> statement-breakpoint
CREATE INDEX "episodes_repairs" ON "episodes" USING btree ("brokerage_id","ended_at") WHERE "episodes"."ended_how" = 'fixed';--> statement-breakpoint
CREATE INDEX "incidents_brokerage_id_began_at_index" ON "incidents" USING btree ("brokerage_id","began_at");--> statement-breakpoint
CREATE INDEX "notices_leased" ON "notices" USING btree ("locked_until") WHERE "notices"."mail" in ('claimed', 'leaving');--> statement-breakpoint
CREATE INDEX "notices_waiting" ON "notices" USING btree ("brokerage_id","run_at","user_id") WHERE "notices"."mail" = 'waiting';--> statement-breakpoint
CREATE INDEX "snaptrade_users_next_look" ON "snaptrade_users" USING btree ("next_look_at") WHERE "snaptrade_users"."gone_at" is null and "snaptrade_users"."ask_again_at" is null;--> statement-breakpoint
CREATE INDEX "snaptrade_users_stalest" ON "snaptrade_users" USING btree (coalesce(greatest("looked_at", "look_failed_at"), '-infinity')) WHERE "snaptrade_users"."watched" and "snaptrade_users"."gone_at" is null and "snaptrade_users"."ask_again_at" is null;--> statement-breakpoint
CREATE INDEX "snaptrade_users_look_due" ON "snaptrade_users" USING btree ("look_due_at") WHERE "snaptrade_users"."look_due_at" is not null and "snaptrade_users"."gone_at" is null and "snaptrade_users"."ask_again_at" is null;--> statement-breakpoint
-- Written by hand: the triggers behind the roll-ups.
CREATE FUNCTION "mark_quarters"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		INSERT INTO "quarter_marks" ("brokerage_id", "quarter")
		SELECT removed."brokerage_id", date_bin('15 minutes', removed."broke_at", 'epoch') FROM removed JOIN added USING ("id") WHERE removed."broke_at" <> added."broke_at"
		UNION SELECT added."brokerage_id", date_bin('15 minutes', added."broke_at", 'epoch') FROM removed JOIN added USING ("id") WHERE removed."broke_at" <> added."broke_at";
	ELSE
		INSERT INTO "quarter_marks" ("brokerage_id", "quarter") SELECT DISTINCT "brokerage_id", date_bin('15 minutes', "broke_at", 'epoch') FROM changed;
	END IF;
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "mark_quarters_added" AFTER INSERT ON "episodes" REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "mark_quarters"();--> statement-breakpoint
CREATE TRIGGER "mark_quarters_removed" AFTER DELETE ON "episodes" REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "mark_quarters"();--> statement-breakpoint
CREATE TRIGGER "mark_quarters_moved" AFTER UPDATE ON "episodes" REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "mark_quarters"();--> statement-breakpoint
CREATE FUNCTION "count_watched"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO "watched_changes" ("change") VALUES (TG_ARGV[0]::smallint);
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "count_watched_added" AFTER INSERT ON "snaptrade_users" FOR EACH ROW WHEN (NEW."watched" AND NEW."gone_at" IS NULL AND NEW."ask_again_at" IS NULL) EXECUTE FUNCTION "count_watched"('1');--> statement-breakpoint
CREATE TRIGGER "count_watched_removed" AFTER DELETE ON "snaptrade_users" FOR EACH ROW WHEN (OLD."watched" AND OLD."gone_at" IS NULL AND OLD."ask_again_at" IS NULL) EXECUTE FUNCTION "count_watched"('-1');--> statement-breakpoint
CREATE TRIGGER "count_watched_begun" AFTER UPDATE ON "snaptrade_users" FOR EACH ROW WHEN ((NEW."watched" AND NEW."gone_at" IS NULL AND NEW."ask_again_at" IS NULL) AND NOT (OLD."watched" AND OLD."gone_at" IS NULL AND OLD."ask_again_at" IS NULL)) EXECUTE FUNCTION "count_watched"('1');--> statement-breakpoint
CREATE TRIGGER "count_watched_ended" AFTER UPDATE ON "snaptrade_users" FOR EACH ROW WHEN ((OLD."watched" AND OLD."gone_at" IS NULL AND OLD."ask_again_at" IS NULL) AND NOT (NEW."watched" AND NEW."gone_at" IS NULL AND NEW."ask_again_at" IS NULL)) EXECUTE FUNCTION "count_watched"('-1');
