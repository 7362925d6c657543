ALTER TABLE "brokerages" ADD COLUMN "allows_trading" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "portal_sessions" ADD COLUMN "wish" text;