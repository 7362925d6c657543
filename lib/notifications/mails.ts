import "server-only";
import { mailColors } from "@/lib/base/brand";
import { newestOf } from "@/lib/base/times";
import { env } from "@/lib/base/env";
import type { ClaimedMail } from "./claim";
import type { DueNotice } from "./due";
import { composeMail, type ComposedMail, type MailItem } from "./email";
import { makeFixLink, unsubscribeToken } from "./links";
import { knownZone, type NoticeKind } from "./rules";

/** If there are several notices about one connection, the one with the highest weight is written. */
const weight: Record<NoticeKind, number> = {
  "when-back": 3,
  broke: 2,
  "reminder-7": 1,
  "reminder-3": 1,
  fixed: 0,
};

interface WrittenMail extends ComposedMail {
  to: string;
  unsubscribeUrl: string;
}

/**
 * Writes the e-mail for a claim; each connection appears once, however many notices are about it.
 * @returns the e-mail, or null if there is nothing left to write about; and the notices that could not be
 * written
 */
export async function writeMail(
  claimed: ClaimedMail,
  now: Date,
): Promise<{ mail: WrittenMail | null; failed: { notice: DueNotice; error: unknown }[] }> {
  const items: { item: MailItem; kind: NoticeKind }[] = [];
  const failed: { notice: DueNotice; error: unknown }[] = [];
  for (const notice of onePerConnection(claimed.notices)) {
    try {
      items.push({ item: await itemOf(notice, now), kind: notice.kind });
    } catch (error) {
      // The other notices about this connection would fail too.
      const same = claimed.notices.filter(
        ({ episode }) => episode.connectionId === notice.episode.connectionId,
      );
      failed.push(...same.map((notice) => ({ notice, error })));
    }
  }
  if (items.length === 0) return { mail: null, failed };
  const { user } = claimed.notices[0];
  const { APP_NAME: appName, APP_URL: appUrl, BRAND_COLOR } = env();
  const unsubscribeUrl = `${appUrl}/api/unsubscribe/${unsubscribeToken(claimed.userId)}`;
  const timeZone = knownZone(user.timeZone);
  // UTC may also stand for an unknown zone, so it is named in the text.
  const viewer = { locale: "en-GB", timeZone, zoneKnown: timeZone !== "UTC" };
  const context = { appName, appUrl, colors: mailColors(BRAND_COLOR), unsubscribeUrl, viewer, now };
  const composed = composeMail(
    kindOf(items.map(({ kind }) => kind)),
    items.map(({ item }) => item),
    context,
  );
  return { mail: { ...composed, to: claimed.to, unsubscribeUrl }, failed };
}

function onePerConnection(notices: DueNotice[]): DueNotice[] {
  const first = new Map<string, DueNotice>();
  for (const notice of notices) {
    const { connectionId, brokeAt } = notice.episode;
    const other = first.get(connectionId);
    const newer = other && brokeAt > other.episode.brokeAt;
    if (!other || newer || (notice.episodeId === other.episodeId && weight[notice.kind] > weight[other.kind]))
      first.set(connectionId, notice);
  }
  return [...first.values()];
}

/** The kind that determines the subject: the one they all share, otherwise "broke". */
function kindOf(kinds: NoticeKind[]): NoticeKind {
  const [first = "broke", ...others] = kinds.map((kind) => (kind === "reminder-7" ? "reminder-3" : kind));
  return others.every((kind) => kind === first) ? first : "broke";
}

async function itemOf({ kind, userId, episode, heldAt }: DueNotice, now: Date): Promise<MailItem> {
  const { connection } = episode;
  return {
    brokerage: connection.brokerage.name,
    accounts: connection.accounts,
    access: connection.access,
    brokeAt: episode.brokeAt,
    endedAt: episode.endedAt,
    dataAsOf: newestOf(connection.accounts.map(({ holdingsAt }) => holdingsAt)),
    wasHeld: heldAt !== null,
    link:
      kind === "fixed"
        ? `${env().APP_URL}/connections/${connection.id}`
        : await makeFixLink(userId, connection.id, now),
  };
}
