import Link from "next/link";
import { markRead } from "@/lib/notifications/actions";
import type { NoticeView } from "@/lib/notifications/views";
import { dayClock, type Viewer } from "@/lib/base/times";
import { SubmitButton } from "../ui/submit-button";
import { Tile } from "../ui/tile";
import { Time } from "../ui/time";

/** The person's notices, newest first; unread ones are bold and say so. */
export function NoticeList({
  notices,
  viewer,
  now,
  hasAddress,
}: {
  notices: NoticeView[];
  viewer: Viewer;
  now: Date;
  hasAddress: boolean;
}) {
  if (notices.length === 0)
    return (
      <p className="mt-2.5 text-lead text-ink-2">
        Nothing yet. When a connection stops, you’ll see it here{hasAddress && " and get an e-mail"}.
      </p>
    );
  const unread = notices.filter(({ readAt }) => !readAt).length;
  const shownAt = new Date(Math.max(...notices.map(({ at }) => at.getTime())));
  return (
    <>
      <div className="mt-6 flex min-h-9 items-center justify-between gap-4">
        <p className="text-small text-ink-2">{unread > 0 ? `${unread} unread` : "All read"}</p>
        {unread > 0 && (
          <form action={markRead}>
            <input type="hidden" name="shownAt" value={shownAt.toISOString()} />
            <SubmitButton variant="quiet" pendingLabel="Marking…">
              Mark all as read
            </SubmitButton>
          </form>
        )}
      </div>
      <ul className="mt-2 divide-y divide-line border-y border-line">
        {notices.map((notice) => (
          <li key={notice.id} className="relative flex items-center gap-4 py-4 wide:px-6">
            <Tile brokerage={notice.brokerage} quiet={!notice.open} />
            <div className="min-w-0 flex-1">
              <Link
                href={`/connections/${notice.connectionId}`}
                prefetch={false}
                className={`after:absolute after:inset-0 ${notice.readAt ? "" : "font-semibold"}`}
              >
                {sentenceOf(notice)}
                {!notice.readAt && <span className="sr-only"> (unread)</span>}
              </Link>
              <p className="mt-0.5 text-small text-ink-2">
                {notice.kind === "fixed" || notice.open ? null : "It’s working again."}
              </p>
            </div>
            <Time at={notice.at} viewer={viewer} className="text-small text-ink-3">
              {dayClock(viewer, notice.at, now)}
            </Time>
          </li>
        ))}
      </ul>
    </>
  );
}

function sentenceOf({ kind, brokerage }: NoticeView): string {
  switch (kind) {
    case "broke":
      return `Your ${brokerage.name} connection stopped`;
    case "reminder-3":
    case "reminder-7":
      return `Reminder: your ${brokerage.name} connection needs reconnecting`;
    case "when-back":
      return `It’s worth trying ${brokerage.name} again`;
    case "fixed":
      return `Your ${brokerage.name} connection works again`;
  }
}
