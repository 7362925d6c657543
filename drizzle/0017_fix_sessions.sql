CREATE TABLE "fix_sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"token_hash" text NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text DEFAULT 'fix' NOT NULL,
	"origin" text NOT NULL,
	"connection_id" uuid,
	"brokerage_id" uuid,
	"return_url" text,
	"locale" text,
	"signs_in" boolean DEFAULT false NOT NULL,
	"signed_in_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"opened_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"outcome" text,
	"reason" text,
	"done_ids" uuid[] DEFAULT '{}' NOT NULL,
	"failure" text,
	"failure_code" text,
	CONSTRAINT "fix_sessions_token_hash_unique" UNIQUE("token_hash"),
	CONSTRAINT "fix_sessions_token_is_hashed" CHECK ("fix_sessions"."token_hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "fix_sessions_kind" CHECK ("fix_sessions"."kind" in ('fix', 'connect')),
	CONSTRAINT "fix_sessions_origin" CHECK ("fix_sessions"."origin" in ('api', 'mail')),
	CONSTRAINT "fix_sessions_outcome" CHECK ("fix_sessions"."outcome" in ('fixed', 'connected', 'failed', 'expired')),
	CONSTRAINT "fix_sessions_reason" CHECK ("fix_sessions"."reason" in ('done', 'not-needed', 'removed', 'given-up', 'replaced', 'timed-out')),
	CONSTRAINT "fix_sessions_end" CHECK (("fix_sessions"."outcome" is null) = ("fix_sessions"."ended_at" is null) and ("fix_sessions"."outcome" is null) = ("fix_sessions"."reason" is null))
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "fix_session_id" uuid;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "expires_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "fix_session_id" uuid;--> statement-breakpoint
ALTER TABLE "fix_sessions" ADD CONSTRAINT "fix_sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fix_sessions" ADD CONSTRAINT "fix_sessions_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "public"."connections"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fix_sessions" ADD CONSTRAINT "fix_sessions_brokerage_id_brokerages_id_fk" FOREIGN KEY ("brokerage_id") REFERENCES "public"."brokerages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "fix_sessions_user_id_index" ON "fix_sessions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "fix_sessions_connection_id_index" ON "fix_sessions" USING btree ("connection_id");--> statement-breakpoint
CREATE INDEX "fix_sessions_open" ON "fix_sessions" USING btree ("user_id") WHERE "fix_sessions"."outcome" is null;--> statement-breakpoint
CREATE INDEX "fix_sessions_due" ON "fix_sessions" USING btree ("expires_at") WHERE "fix_sessions"."outcome" is null;--> statement-breakpoint
CREATE INDEX "fix_sessions_over" ON "fix_sessions" USING btree ("ended_at") WHERE "fix_sessions"."outcome" is not null;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_fix_session_id_fix_sessions_id_fk" FOREIGN KEY ("fix_session_id") REFERENCES "public"."fix_sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_fix_session_id_fix_sessions_id_fk" FOREIGN KEY ("fix_session_id") REFERENCES "public"."fix_sessions"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "sessions_by_link" ON "sessions" USING btree ("fix_session_id") WHERE "sessions"."fix_session_id" is not null;--> statement-breakpoint
CREATE INDEX "portal_sessions_by_link" ON "portal_sessions" USING btree ("fix_session_id") WHERE "portal_sessions"."fix_session_id" is not null;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_of_visitors_expire" CHECK (("sessions"."fix_session_id" is null) = ("sessions"."expires_at" is null));--> statement-breakpoint
-- Below: written by hand. No downtime: what the previous version adds to fix_links, a trigger brings here, and
-- e-mails that were sent before keep their links for the rest of their seven days.
INSERT INTO "fix_sessions" ("token_hash", "user_id", "origin", "connection_id", "created_at", "expires_at")
	SELECT "token_hash", link."user_id", 'mail', "connection_id", link."expires_at" - interval '7 days', link."expires_at"
	FROM "fix_links" AS link JOIN "episodes" ON "episodes"."id" = link."episode_id"
	WHERE "used_at" IS NULL AND link."expires_at" > now() AND "ended_at" IS NULL;--> statement-breakpoint
CREATE FUNCTION "bring_fix_link"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO "fix_sessions" ("token_hash", "user_id", "origin", "connection_id", "created_at", "expires_at")
		SELECT NEW."token_hash", NEW."user_id", 'mail', "connection_id", NEW."expires_at" - interval '7 days', NEW."expires_at"
		FROM "episodes" WHERE "id" = NEW."episode_id";
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "fix_links_brought" AFTER INSERT ON "fix_links" FOR EACH ROW EXECUTE FUNCTION "bring_fix_link"();
