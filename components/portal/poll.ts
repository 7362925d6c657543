const quickMs = 3_000;
const slowMs = 10_000;
const restingMs = 60_000;
const quickForMs = 60_000;
const slowForMs = 10 * 60_000;
const endsAfterMs = 60 * 60_000;

/**
 * "answer": one is expected any moment. "visit": the person is in the portal. "rest": nothing is expected,
 * but the repair may still happen elsewhere.
 */
export type Pace = "answer" | "visit" | "rest";

/**
 * Polls while the page is visible, one request at a time, at a slowing pace, for an hour at most.
 * @returns a function that stops it
 */
export function poll(ask: () => Promise<unknown>, pace: Pace): () => void {
  const startedAt = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  function wait() {
    const passed = Date.now() - startedAt;
    if (ended || passed > endsAfterMs) return;
    timer = setTimeout(
      () => void (isVisible() ? ask() : Promise.resolve()).then(wait, wait),
      gapOf(pace, passed),
    );
  }
  wait();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

const isVisible = () => document.visibilityState === "visible";

function gapOf(pace: Pace, passed: number): number {
  if (pace === "rest" || passed > slowForMs) return restingMs;
  return pace === "answer" && passed < quickForMs ? quickMs : slowMs;
}
