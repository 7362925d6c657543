import { connectInPage, reconnectInPage } from "@/lib/connections/actions";
import type { PortalView } from "@/lib/connections/views";

/** The same trip as a page of its own, with a link of its own. */
export function NewPageForm({ view }: { view: PortalView }) {
  const { intent, connectionId, queue, brokerage } = view;
  return (
    <form action={intent === "reconnect" ? reconnectInPage : connectInPage} className="inline">
      {intent === "reconnect" ? (
        <input type="hidden" name="connectionId" value={connectionId ?? ""} />
      ) : (
        <input type="hidden" name="brokerage" value={brokerage?.slug ?? ""} />
      )}
      {intent === "connect" && <input type="hidden" name="beside" value="yes" />}
      {queue && <input type="hidden" name="queueId" value={queue.id} />}
      <button type="submit" className="min-h-6 text-accent underline decoration-line-strong underline-offset-4">
        Open in a new page
      </button>
    </form>
  );
}
