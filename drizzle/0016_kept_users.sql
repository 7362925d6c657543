-- No downtime: the previous version never writes the new value, and treats a kept user like any deleted one.
ALTER TABLE "former_snaptrade_users" DROP CONSTRAINT "former_snaptrade_users_why";--> statement-breakpoint
ALTER TABLE "former_snaptrade_users" ADD CONSTRAINT "former_snaptrade_users_why" CHECK ("former_snaptrade_users"."why" in ('registering', 'surplus', 'refused', 'deleted', 'account-deleted', 'kept'));
