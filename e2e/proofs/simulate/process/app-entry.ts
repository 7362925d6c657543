/**
 * The parts of lib/ that drive a simulated process: the same functions that routes, pages, and actions call.
 */
export { migrateDatabase } from "@/lib/db/migrate";
export { database, openDatabase } from "@/lib/db/client";
export { users } from "@/lib/db/schema/users";
export { receiveEvent } from "@/lib/webhooks/inbox";
export { processInbox, workAfterAnswer } from "@/lib/webhooks/process";
export { reconcile } from "@/lib/reconcile/round";
export { look, lookIfDue } from "@/lib/connections/look/look";
export { requireSnapTradeCredentials, countCheck } from "@/lib/connections/observations/snaptrade-user";
export { checkPortal } from "@/lib/connections/portal/check";
export { openConnect, openReconnect } from "@/lib/connections/portal/open";
export { continueQueue } from "@/lib/connections/portal/queue";
export { getPortalView } from "@/lib/connections/portal/view";
export { listConnectionViews } from "@/lib/connections/pages/list";
export { requestRemoval } from "@/lib/connections/look/remove";
export { requestForgetting } from "@/lib/account/delete";
export { follow } from "@/lib/live";
export { handle } from "@/lib/api/handle";
export { createApiKey } from "@/lib/api/keys";
export { operations } from "@/lib/api/operations";
export { startDelivering } from "@/lib/events/deliver";
export { addEndpoint, removeEndpoint } from "@/lib/events/endpoints";
export { getFixPage } from "@/lib/fix-sessions/visits/page";
export { openStep } from "@/lib/fix-sessions/visits/open";
export { resetUserSecret } from "@/lib/account/reset-secret";
export { importUsers } from "@/lib/people/import";
export { AppError } from "@/lib/base/errors";
