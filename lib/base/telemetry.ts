import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Every metric that the code emits. docs/grafana uses these names, and a test compares them. Gauges describe
 * the whole deployment and are reported by whichever process ran the last round.
 */
export const metrics = {
  "reconnect.webhook.receipts": {
    kind: "counter",
    description: "Webhook deliveries, by how they were answered",
    fromZero: [{ receipt: "not-signed" }, { receipt: "not-readable" }, { receipt: "away" }],
  },
  "reconnect.webhook.events": {
    kind: "counter",
    description: "Webhook events processed, by type and outcome",
  },
  "reconnect.webhook.waiting": { kind: "gauge", description: "Webhook events waiting to be processed" },
  "reconnect.webhook.dead": { kind: "gauge", description: "Webhook events that were given up" },
  "reconnect.episodes": { kind: "counter", description: "Episodes that began or ended" },
  "reconnect.looks": { kind: "counter", description: "Looks, by reason and result" },
  "reconnect.budget.calls": {
    kind: "counter",
    description: "Calls to SnapTrade that the budget admitted or refused",
    fromZero: [
      { audience: "people", result: "refused-everybody" },
      { audience: "background", result: "refused-everybody" },
    ],
  },
  "reconnect.notifications": {
    kind: "counter",
    description: "Notices by e-mail, by result",
    fromZero: [{ result: "failed" }, { result: "unknown" }],
  },
  "reconnect.deliveries": {
    kind: "counter",
    description: "Events and relayed webhooks sent to the company, by type and result",
    fromZero: [
      { type: "event", result: "failed" },
      { type: "relay", result: "failed" },
    ],
  },
  "reconnect.deliveries.behind": {
    kind: "gauge",
    unit: "s",
    description: "For how long an endpoint has failed, or something has waited to be sent",
  },
  "reconnect.endpoints.paused": { kind: "gauge", description: "Endpoints that get no events" },
  "reconnect.round.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long rounds of reconcile took",
  },
  "reconnect.round.failures": { kind: "counter", description: "Steps and parts of rounds that failed" },
} as const satisfies Record<string, Metric>;

/** How OpenTelemetry describes a metric. */
export interface Metric {
  kind: "counter" | "gauge" | "histogram";
  description: string;
  unit?: string;
  /** Reported as zero from the start, because an alert notices an increase but not a new series. */
  fromZero?: Attributes[];
}
type Named<Kind> = {
  [Name in keyof typeof metrics]: (typeof metrics)[Name]["kind"] extends Kind ? Name : never;
}[keyof typeof metrics];

/**
 * A closed list, so that nobody adds a person, an id, or a secret by accident; values come from short lists.
 */
export type Attributes = Partial<
  Record<"type" | "outcome" | "receipt" | "source" | "result" | "audience" | "change" | "step", string>
>;

/** The place in an event's trace: "begin" is the receipt, and every later span points to it. */
export type EventTrace = { begin: string } | { follow: string[] };

/** Where telemetry is sent while it is on (lib/server/open-telemetry.ts). */
export interface Telemetry {
  span: <T>(name: string, attributes: Attributes, work: () => Promise<T>, events?: EventTrace) => Promise<T>;
  count: (name: Named<"counter">, by: number, attributes: Attributes) => void;
  record: (name: Named<"histogram">, value: number, attributes: Attributes) => void;
  observe: (name: Named<"gauge">, value: number) => void;
  flush: () => Promise<void>;
}

// The server's startup code and its routes are bundled separately but must share this state.
const held = globalThis as { reconnectTelemetry?: Telemetry };

/** Turns telemetry on for this process; undefined turns it off. */
export function setTelemetry(telemetry: Telemetry | undefined): void {
  held.reconnectTelemetry = telemetry;
}

/**
 * Measures `work` as one span, inside the span it runs in. An error is recorded by its type and passed on.
 * While telemetry is off, this only calls `work`.
 */
export function span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  return held.reconnectTelemetry?.span(name, attributes, work) ?? work();
}

/**
 * Like span, but in the trace of these webhook events. The trace's id is derived from the event's id, so
 * spans from different processes end up in one trace without anything being stored.
 */
export function eventSpan<T>(name: string, events: EventTrace, work: () => Promise<T>): Promise<T> {
  return held.reconnectTelemetry?.span(name, {}, work, events) ?? work();
}

/**
 * Sends everything that is waiting, for platforms that may freeze this process until the next request.
 * Resolves even if the receiver is away.
 */
export async function flushTelemetry(): Promise<void> {
  await held.reconnectTelemetry?.flush();
}

const uncommitted = new AsyncLocalStorage<(() => void)[]>();

/** Adds to a counter. Inside a transaction, the count takes effect only on commit. */
export function count(name: Named<"counter">, attributes: Attributes, by = 1): void {
  const telemetry = held.reconnectTelemetry;
  if (!telemetry || by === 0) return;
  const add = () => telemetry.count(name, by, attributes);
  const waiting = uncommitted.getStore();
  if (waiting) waiting.push(add);
  else add();
}

/** Adds a value to a histogram. */
export function record(name: Named<"histogram">, value: number, attributes: Attributes = {}): void {
  held.reconnectTelemetry?.record(name, value, attributes);
}

/** Sets a gauge, which is reported for a few minutes unless it is set again. */
export function observe(name: Named<"gauge">, value: number): void {
  held.reconnectTelemetry?.observe(name, value);
}

/** Runs a transaction whose counts take effect only if it is committed. */
export async function countCommitted<T>(transaction: () => Promise<T>): Promise<T> {
  if (!held.reconnectTelemetry) return transaction();
  const counts: (() => void)[] = [];
  const result = await uncommitted.run(counts, transaction);
  for (const add of counts) add();
  return result;
}
