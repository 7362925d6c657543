const quickMs = 3_000;
const slowMs = 10_000;
const quickForMs = 60_000;
const endsAfterMs = 10 * 60_000;

/**
 * Asks again and again, one question at a time: quickly for a minute where an answer is expected, then slowly, and for ten minutes at most.
 * @returns what ends it
 */
export function poll(ask: () => Promise<unknown>, expected: boolean): () => void {
  const startedAt = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  function wait() {
    const passed = Date.now() - startedAt;
    if (ended || passed > endsAfterMs) return;
    timer = setTimeout(() => void ask().then(wait, wait), expected && passed < quickForMs ? quickMs : slowMs);
  }
  wait();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
