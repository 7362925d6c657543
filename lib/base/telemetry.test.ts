import { expect, test } from "vitest";
import { count, countCommitted, eventSpan, observe, record, setTelemetry, span } from "./telemetry";

test("while telemetry is off, work runs unchanged and nothing is collected", async () => {
  setTelemetry(undefined);
  const promise = Promise.resolve(1);
  expect(span("work", {}, () => promise)).toBe(promise);
  expect(eventSpan("work", { begin: "event" }, () => promise)).toBe(promise);
  count("reconnect.episodes", { change: "begun" });
  record("reconnect.round.duration", 1);
  observe("reconnect.webhook.dead", 1);
  expect(await countCommitted(() => promise)).toBe(1);
});
