import { checkNow } from "@/lib/connections/actions";
import type { ConnectionsView } from "@/lib/connections/views";
import { LinkFigure } from "@/components/ui/link-figure";
import { SubmitButton } from "@/components/ui/submit-button";
import { EmptyTile } from "@/components/ui/tile";

/**
 * Shown while SnapTrade hasn't said which connections exist, or we can't read its answer. Neither means that
 * there are none.
 */
export function UnknownConnections({ view, headline }: { view: ConnectionsView; headline: string }) {
  return (
    <div className="max-w-[620px] pt-6 wide:pt-11">
      <div className="max-w-[340px]">
        <LinkFigure state="checking" tile={<EmptyTile />} />
      </div>
      <h1 className="mt-9 text-[1.75rem] leading-[2.125rem] font-[560] tracking-[-0.024em] wide:text-display">
        {headline}
      </h1>
      <p className="mt-2.5 text-lead text-ink-2">{reasonOf(view)}</p>
      <form action={checkNow} className="mt-6">
        <SubmitButton variant="secondary" pendingLabel="Checking…">
          {view.unreachable ? "Try now" : "Check now"}
        </SubmitButton>
      </form>
    </div>
  );
}

function reasonOf({ known, unreadable, unreachable }: ConnectionsView): string {
  if (known && unreadable > 0) {
    return "We can’t read the connections that SnapTrade lists for you right now. They aren’t lost. We’ve logged the problem, and you don’t need to do anything.";
  }
  if (unreachable)
    return "We can’t reach SnapTrade, so we don’t know which connections you have yet. Nothing is wrong on your side. We’ll try again every minute.";
  return "We’re asking SnapTrade which connections you have. This usually takes a few seconds.";
}
