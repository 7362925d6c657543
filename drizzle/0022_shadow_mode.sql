ALTER TABLE "episodes" ADD COLUMN "in_shadow" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "observations" ADD COLUMN "in_shadow" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "episodes_in_shadow" ON "episodes" USING btree ("noticed_at","id") WHERE "episodes"."in_shadow";