import "server-only";
import { and, eq, isNull, lt, or } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { AppError } from "@/lib/base/errors";
import { announceChanges, recordChange } from "@/lib/live";
import { readAccountsAnew } from "@/lib/connections/look/accounts";
import { look, lookSince } from "@/lib/connections/look/look";
import type { PortalView } from "@/lib/connections/views";
import { endSession } from "@/lib/fix-sessions/ending/end";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { isFinal } from "./outcome";
import { recordReport, type PortalReport } from "./report";
import { getPortalView } from "./view";

/** While a page waits for a result, SnapTrade is asked at most this often. */
const pollMs = 2_500;

/**
 * Records what a page reports about a portal session, looks, closes the session if that concludes it, and
 * returns the result. The report affects only the wording. A page without news causes a look only if the last
 * one is over 2.5 seconds old.
 * @throws AppError not-found for another person's session, and for one outside of the fix session in `within`
 */
export async function checkPortal({
  userId,
  portalSessionId,
  now,
  ...report
}: PortalReport & { userId: string; portalSessionId: string; now: Date }): Promise<PortalView> {
  await recordReport(userId, portalSessionId, report, now);
  if (report.reportedResult || report.over) {
    if (!report.asked) await lookSince(userId, now, "portal");
  } else if (!isRepaired(await requireView(userId, portalSessionId, now)) && (await isPollDue(userId, now)))
    await look(userId, now, "portal");

  const view = await requireView(userId, portalSessionId, now);
  await closeSession(userId, view, now);
  if (!isRepaired(view) || areAccountsKnown(view)) return view;
  await readAccountsAnew(userId, now);
  return requireView(userId, portalSessionId, now);
}

async function requireView(userId: string, portalSessionId: string, now: Date): Promise<PortalView> {
  const view = await getPortalView(userId, portalSessionId, now);
  if (!view) throw new AppError("not-found");
  return view;
}

const isRepaired = ({ outcome }: PortalView) => outcome.state === "fixed" || outcome.state === "connected";

const areAccountsKnown = ({ outcome, accounts, accountsBack }: PortalView) =>
  outcome.state === "connected" ? accounts.length > 0 : accountsBack !== null;

async function isPollDue(userId: string, now: Date): Promise<boolean> {
  const db = await database();
  const recently = new Date(now.getTime() - pollMs);
  const { lookedAt, lookFailedAt } = snapTradeUsers;
  const [due] = await db
    .select({ userId: snapTradeUsers.userId })
    .from(snapTradeUsers)
    .where(
      and(
        eq(snapTradeUsers.userId, userId),
        or(isNull(lookedAt), lt(lookedAt, recently)),
        or(isNull(lookFailedAt), lt(lookFailedAt, recently)),
      ),
    );
  return due !== undefined;
}

/** Closes the session once its outcome is final. A failed session can still turn into a repaired one. */
async function closeSession(
  userId: string,
  { portalSessionId, fixSessionId, outcome }: PortalView,
  now: Date,
): Promise<void> {
  if (!isFinal(outcome)) return;
  const own = and(eq(portalSessions.id, portalSessionId), eq(portalSessions.userId, userId));
  const conclusion = outcome.state === "connected" || outcome.state === "failed" ? outcome.state : "fixed";
  const connectionId = outcome.state === "connected" ? { connectionId: outcome.connectionId } : {};
  const open =
    conclusion === "failed"
      ? isNull(portalSessions.outcome)
      : or(isNull(portalSessions.outcome), eq(portalSessions.outcome, "failed"));
  await transaction(async (tx) => {
    const link = fixSessionId ? eq(fixSessions.id, fixSessionId) : undefined;
    if (link) await tx.select({ id: fixSessions.id }).from(fixSessions).where(link).for("no key update");
    const ended = await tx
      .update(portalSessions)
      .set({ outcome: conclusion, endedAt: now, ...connectionId })
      .where(and(own, open))
      .returning({ id: portalSessions.id });
    if (ended.length === 0) return;
    await recordChange(tx, userId);
    if (!link || !fixSessionId) return;
    if (outcome.state === "failed")
      await tx
        .update(fixSessions)
        .set({ failure: outcome.failure, failureCode: outcome.code })
        .where(and(link, isNull(fixSessions.outcome)));
    await endSession(tx, fixSessionId, now);
  });
  await announceChanges();
}
