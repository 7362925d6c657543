import { createSender, eventOf, signed, type PostedEvent } from "../../support/sender";

const stepMs = 3_000;

/** How many events are in flight at once, and how long each sender pauses after one. */
export interface Pace {
  parallel?: number;
  pauseMs?: number;
}

/**
 * Keeps posting breaks and repairs of a person's connections, like SnapTrade: anything not acknowledged is
 * sent again.
 */
export function startPosting(
  appUrl: string,
  userId: string,
  connectionIds: string[],
  { parallel = 16, pauseMs = 0 }: Pace = {},
) {
  const senders = [createSender(appUrl, parallel)];
  let posts = 0;
  const posted = connectionIds.map((id) => ({ id, events: 0 }));
  const startedAt = Date.now() - 86_400_000;
  const again: PostedEvent[] = [];
  const acknowledged = new Set<string>();
  const counts = { refused: 0, unanswered: 0 };
  let posting = true;

  function next(): PostedEvent | undefined {
    const repeated = again.shift();
    if (repeated || !posting) return repeated;
    const connection = posted[Math.floor(Math.random() * posted.length)];
    if (!connection) return undefined;
    const turn = connection.events++;
    return eventOf(
      turn % 2 === 0 ? "CONNECTION_BROKEN" : "CONNECTION_FIXED",
      userId,
      connection.id,
      startedAt + turn * stepMs,
    );
  }

  async function worker() {
    for (let event = next(); event; event = next()) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const status = (await senders[posts++ % senders.length]?.post(signed(event))) ?? null;
      if (status === 204) acknowledged.add(event.webhookId);
      else {
        again.push(event);
        counts[status === null ? "unanswered" : "refused"] += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
  const workers = Promise.all(Array.from({ length: parallel }, worker));

  return {
    acknowledged,
    counts,
    /** From now on, another process gets its turn, too. */
    postAlsoTo(url: string) {
      senders.push(createSender(url, parallel));
    },
    /** Resolves once this many more are acknowledged: the moment for the next crash. */
    async until(more: number): Promise<void> {
      const wanted = acknowledged.size + more;
      while (acknowledged.size < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    /** Stops creating events, and resolves when all existing ones are acknowledged. */
    async finish(): Promise<void> {
      posting = false;
      await workers;
      for (const sender of senders) sender.close();
    },
  };
}
