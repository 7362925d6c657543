/** An open page's stream of changes, which reconnects like a browser's. */
export async function openLivePage(appUrl: string, cookie: string) {
  let count = 0;
  let lastAt = 0;
  const closing = new AbortController();
  const read = async () => {
    const answer = await fetch(`${appUrl}/api/live`, { headers: { Cookie: cookie }, signal: closing.signal });
    for await (const chunk of answer.body ?? []) {
      const changes =
        Buffer.from(chunk as Uint8Array)
          .toString()
          .split("event: changed").length - 1;
      count += changes;
      if (changes > 0) lastAt = Date.now();
    }
  };
  const keepReading = async () => {
    while (!closing.signal.aborted) {
      await read().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  };
  void keepReading();
  while (count === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return { heard: () => count, lastHeardAt: () => lastAt, close: () => closing.abort() };
}
