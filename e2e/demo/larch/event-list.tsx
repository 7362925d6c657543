import { useEffect, useState } from "react";
import type { ReceivedEvent } from "./events";

const pollMs = 1_000;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** What Larch's server received from Reconnect, newest first: for whoever tries the demonstration. */
export function EventList({ whenNew }: { whenNew: () => void }) {
  const [events, setEvents] = useState<ReceivedEvent[] | null>(null);
  const newest = events?.[0]?.id;
  useEffect(() => {
    const read = () =>
      void fetch("/api/events")
        .then(async (answer) => setEvents((await answer.json()) as ReceivedEvent[]))
        .catch(() => undefined);
    read();
    const poll = setInterval(read, pollMs);
    return () => clearInterval(poll);
  }, []);
  useEffect(() => {
    if (newest) whenNew();
  }, [newest, whenNew]);
  return (
    <section aria-labelledby="events" className="mt-12">
      <h2 id="events" className="font-semibold">
        From Reconnect
      </h2>
      <p className="text-muted-foreground mt-1 text-sm">
        What Larch’s server receives from Reconnect. Larch’s customers don’t see this part.
      </p>
      <ol aria-live="polite" className="border-border bg-card mt-4 rounded-xl border font-mono text-[13px]">
        {events?.length === 0 && <li className="text-muted-foreground px-5 py-4">Nothing yet.</li>}
        {events?.map(({ id, type, brokerage, receivedAt }) => (
          <li
            key={id}
            className="border-border grid grid-cols-[auto_1fr] gap-x-4 border-b px-4 py-2.5 last:border-b-0 sm:grid-cols-[auto_1fr_auto] sm:px-5"
          >
            <time dateTime={receivedAt} className="text-muted-foreground">
              {clock.format(new Date(receivedAt))}
            </time>
            <span>{type} received</span>
            <span className="text-muted-foreground col-start-2 sm:col-start-3">{brokerage}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
