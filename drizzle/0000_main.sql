CREATE TABLE "brokerage_accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"connection_id" uuid NOT NULL,
	"name" text NOT NULL,
	"last_digits" text,
	"holdings_at" timestamp (3) with time zone,
	CONSTRAINT "brokerage_accounts_masked" CHECK (length("brokerage_accounts"."last_digits") <= 4)
);
--> statement-breakpoint
CREATE TABLE "brokerages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"logo_url" text,
	"enabled" boolean NOT NULL,
	"maintenance" boolean NOT NULL,
	"degraded" boolean NOT NULL,
	"opens_window" boolean,
	"observed_at" timestamp (3) with time zone NOT NULL,
	"listed_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "connections" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"brokerage_id" uuid NOT NULL,
	"access" text NOT NULL,
	"connected_since" timestamp (3) with time zone,
	"state" text NOT NULL,
	"observed_at" timestamp (3) with time zone NOT NULL,
	"disabled_at" timestamp (3) with time zone,
	"removal_requested_at" timestamp (3) with time zone,
	"kept_beside_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "episodes" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"connection_id" uuid NOT NULL,
	"broke_at" timestamp (3) with time zone NOT NULL,
	"noticed_at" timestamp (3) with time zone NOT NULL,
	"noticed_by" text NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"ended_how" text,
	CONSTRAINT "episodes_connection_id_broke_at_unique" UNIQUE("connection_id","broke_at"),
	CONSTRAINT "episodes_end" CHECK (("episodes"."ended_at" is null) = ("episodes"."ended_how" is null) and ("episodes"."ended_at" is null or "episodes"."ended_at" >= "episodes"."broke_at"))
);
--> statement-breakpoint
CREATE TABLE "observations" (
	"connection_id" uuid NOT NULL,
	"observed_at" timestamp (3) with time zone NOT NULL,
	"state" text NOT NULL,
	"disabled_at" timestamp (3) with time zone,
	"source" text NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "observations_connection_id_observed_at_state_pk" PRIMARY KEY("connection_id","observed_at","state")
);
--> statement-breakpoint
CREATE TABLE "portal_sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"intent" text NOT NULL,
	"connection_id" uuid,
	"brokerage_id" uuid,
	"queue_id" uuid,
	"snaptrade_session_id" text,
	"started_at" timestamp (3) with time zone NOT NULL,
	"opened_at" timestamp (3) with time zone,
	"claim" jsonb,
	"claimed_at" timestamp (3) with time zone,
	"outcome" text,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "reconnect_queues" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"connection_ids" uuid[] NOT NULL,
	"skipped_ids" uuid[] DEFAULT '{}' NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"session_token" text PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"expires" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "snaptrade_users" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"snaptrade_user_id" text NOT NULL,
	"sealed_secret" text NOT NULL,
	"registered_at" timestamp (3) with time zone NOT NULL,
	"looked_at" timestamp (3) with time zone,
	"look_failed_at" timestamp (3) with time zone,
	"look_due_at" timestamp (3) with time zone,
	"accounts_looked_at" timestamp (3) with time zone,
	CONSTRAINT "snaptrade_users_snaptrade_user_id_unique" UNIQUE("snaptrade_user_id")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text,
	"email" text NOT NULL,
	"email_verified" timestamp (3) with time zone,
	"image" text,
	CONSTRAINT "users_email_unique" UNIQUE("email")
);
--> statement-breakpoint
CREATE TABLE "verification_tokens" (
	"identifier" text NOT NULL,
	"token" text NOT NULL,
	"expires" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "verification_tokens_identifier_token_pk" PRIMARY KEY("identifier","token")
);
--> statement-breakpoint
ALTER TABLE "brokerage_accounts" ADD CONSTRAINT "brokerage_accounts_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "public"."connections"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_brokerage_id_brokerages_id_fk" FOREIGN KEY ("brokerage_id") REFERENCES "public"."brokerages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "episodes" ADD CONSTRAINT "episodes_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "public"."connections"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "observations" ADD CONSTRAINT "observations_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "public"."connections"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "public"."connections"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_brokerage_id_brokerages_id_fk" FOREIGN KEY ("brokerage_id") REFERENCES "public"."brokerages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_queue_id_reconnect_queues_id_fk" FOREIGN KEY ("queue_id") REFERENCES "public"."reconnect_queues"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconnect_queues" ADD CONSTRAINT "reconnect_queues_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snaptrade_users" ADD CONSTRAINT "snaptrade_users_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "brokerage_accounts_connection_id_index" ON "brokerage_accounts" USING btree ("connection_id");--> statement-breakpoint
CREATE INDEX "connections_user_id_index" ON "connections" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "episodes_one_open" ON "episodes" USING btree ("connection_id") WHERE "episodes"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "portal_sessions_user_id_index" ON "portal_sessions" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "portal_sessions_one_open" ON "portal_sessions" USING btree ("connection_id") WHERE "portal_sessions"."outcome" is null and "portal_sessions"."intent" = 'reconnect';--> statement-breakpoint
CREATE INDEX "reconnect_queues_user_id_index" ON "reconnect_queues" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_user_id_index" ON "sessions" USING btree ("user_id");