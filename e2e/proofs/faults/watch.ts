/** One request by the watcher, and what came of it. */
interface Seen {
  what: "page" | "health" | "webhook";
  startedAt: number;
  ms: number;
  /** Null if no answer came. */
  status: number | null;
  body: string;
}

const everyMs = 150;
const giveUpMs = 20_000;

/**
 * Opens a page and reads the health every 150 ms, whether or not the last request has been answered, and
 * remembers every answer.
 */
export function startWatch(appUrl: string, cookie: string) {
  const seen: Seen[] = [];
  const pending = new Set<Promise<void>>();
  const ask = async (what: Seen["what"], path: string) => {
    const startedAt = Date.now();
    const answer = await fetch(`${appUrl}${path}`, {
      headers: { Cookie: cookie },
      redirect: "manual",
      signal: AbortSignal.timeout(giveUpMs),
    }).catch(() => null);
    const body = (await answer?.text().catch(() => "")) ?? "";
    seen.push({ what, startedAt, ms: Date.now() - startedAt, status: answer?.status ?? null, body });
  };
  const timer = setInterval(() => {
    for (const [what, path] of [
      ["page", "/connections"],
      ["health", "/api/health"],
    ] as const) {
      const asked = ask(what, path).finally(() => pending.delete(asked));
      pending.add(asked);
    }
  }, everyMs);
  return {
    seen,
    /** Resolves with the first request after `since` that was answered like this, or null after a minute. */
    async until(what: Seen["what"], status: number, since: number): Promise<Seen | null> {
      for (const endsAt = Date.now() + 60_000; Date.now() < endsAt;) {
        const found = seen.find(
          (one) => one.what === what && one.status === status && one.startedAt >= since,
        );
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return null;
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
}
