/** What of lib/ a simulated process of the app is driven by: the same functions that routes, pages and actions call. */
export { migrateDatabase } from "@/lib/db/migrate";
export { database, openDatabase } from "@/lib/db/client";
export { users } from "@/lib/db/schema";
export { receiveEvent } from "@/lib/webhooks/inbox";
export { processInbox, workAfterAnswer } from "@/lib/webhooks/process";
export { reconcile } from "@/lib/reconcile";
export { look, lookIfDue } from "@/lib/connections/look";
export { requireSnapTradeCredentials, countCheck } from "@/lib/connections/snaptrade-user";
export { checkPortal, openConnect, openReconnect } from "@/lib/connections/portal";
export { continueQueue } from "@/lib/connections/queue";
export { getPortalView } from "@/lib/connections/portal-data";
export { listConnectionViews } from "@/lib/connections/data";
export { requestRemoval } from "@/lib/connections/remove";
export { requestForgetting } from "@/lib/connections/forget";
export { AppError } from "@/lib/errors";
