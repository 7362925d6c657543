ALTER TABLE "connections" ADD COLUMN "changed_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "connections_changed_at_id_index" ON "connections" USING btree ("changed_at","id");--> statement-breakpoint
CREATE INDEX "connections_state_changed_at_id_index" ON "connections" USING btree ("state","changed_at","id");--> statement-breakpoint
-- Below: written by hand. The previous version may still run: it needn't know of the column.
CREATE FUNCTION connections_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.changed_at := clock_timestamp();
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER connections_made BEFORE INSERT ON "connections" FOR EACH ROW EXECUTE FUNCTION connections_changed();--> statement-breakpoint
CREATE TRIGGER connections_changed BEFORE UPDATE ON "connections" FOR EACH ROW WHEN (
	(OLD.state, OLD.disabled_at, OLD.access, OLD.connected_since, OLD.removal_requested_at, OLD.removal_accepted_at, OLD.unreadable_since)
	IS DISTINCT FROM (NEW.state, NEW.disabled_at, NEW.access, NEW.connected_since, NEW.removal_requested_at, NEW.removal_accepted_at, NEW.unreadable_since)
) EXECUTE FUNCTION connections_changed();
