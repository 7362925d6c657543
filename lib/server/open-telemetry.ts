import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomBytes } from "node:crypto";
import { ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags, type Context, type Span } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import {
  metrics,
  setTelemetry,
  type Attributes,
  type EventTrace,
  type Metric,
  type Telemetry,
} from "@/lib/base/telemetry";
import { env } from "@/lib/base/env";
import { onShutdown } from "./shutdown";

const exportWithinMs = 10_000;
/** A gauge that isn't set for this long is no longer reported; another process may be running the rounds. */
const gaugeWithinMs = 5 * 60_000;
/** SnapTrade decides which event types exist; any beyond this many are reported as one. */
const cardinalityLimits = { default: 200 };

/**
 * Sends spans and metrics to the OTLP receiver in OTEL_EXPORTER_OTLP_ENDPOINT, over HTTP as JSON, with the
 * headers in OTEL_EXPORTER_OTLP_HEADERS. What can't be sent is dropped after ten seconds and never delays a
 * request. Nothing is registered globally, because Next's own spans contain URLs, and some of our URLs
 * contain secrets.
 */
export function startTelemetry(): void {
  const intervalMs = env().OTEL_METRIC_EXPORT_INTERVAL;
  const instance = { "service.name": "reconnect", "service.instance.id": randomBytes(8).toString("hex") };
  const resource = resourceFromAttributes(instance).merge(detectResources({ detectors: [envDetector] }));
  const ids = createIds();
  const tracing = new TracerProvider({
    resource,
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ timeoutMillis: exportWithinMs }),
        exportTimeoutMillis: exportWithinMs,
      }),
    ],
  });
  const metering = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ timeoutMillis: exportWithinMs }),
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: Math.min(exportWithinMs, intervalMs),
        cardinalityLimits,
      }),
    ],
  });
  const flush = async () => {
    await Promise.allSettled([tracing.forceFlush(), metering.forceFlush()]);
  };
  setTelemetry({ span: createSpans(tracing, ids), ...createInstruments(metering), flush });
  onShutdown(() => void flush());
}

interface SpanIds {
  traceId: string;
  spanId: string;
}

/** Random ids, except for a span that begins an event's trace. */
function createIds() {
  let next: SpanIds | null = null;
  return {
    use: (ids: SpanIds | null) => (next = ids),
    generateTraceId: () => next?.traceId ?? randomBytes(16).toString("hex"),
    generateSpanId: () => next?.spanId ?? randomBytes(8).toString("hex"),
  };
}

/** One trace per event, whichever processes work on it. Hashed, so the event's id itself isn't sent. */
function idsOf(eventId: string): SpanIds {
  const hash = createHash("sha256").update(`webhook event ${eventId}`).digest("hex");
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

function createSpans(tracing: TracerProvider, ids: ReturnType<typeof createIds>): Telemetry["span"] {
  const tracer = tracing.getTracer("reconnect");
  const current = new AsyncLocalStorage<Context>();
  const start = (name: string, attributes: Attributes, events: EventTrace | undefined): Span[] => {
    if (!events) return [tracer.startSpan(name, { attributes }, current.getStore() ?? ROOT_CONTEXT)];
    if ("follow" in events)
      return events.follow.map((id) => {
        const parent = { ...idsOf(id), traceFlags: TraceFlags.SAMPLED, isRemote: true };
        return tracer.startSpan(name, { attributes }, trace.setSpanContext(ROOT_CONTEXT, parent));
      });
    ids.use(idsOf(events.begin));
    try {
      return [tracer.startSpan(name, { attributes }, ROOT_CONTEXT)];
    } finally {
      ids.use(null);
    }
  };
  return async (name, attributes, work, events) => {
    const spans = start(name, attributes, events);
    const [first] = spans;
    try {
      return await (first ? current.run(trace.setSpan(ROOT_CONTEXT, first), work) : work());
    } catch (error) {
      const message = error instanceof Error ? error.name : typeof error;
      for (const span of spans) span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      for (const span of spans) span.end();
    }
  };
}

function createInstruments(metering: MeterProvider): Omit<Telemetry, "span" | "flush"> {
  const meter = metering.getMeter("reconnect");
  const add = new Map<string, (value: number, attributes: Attributes) => void>();
  for (const [name, { kind, fromZero = [], ...options }] of Object.entries<Metric>(metrics)) {
    if (kind === "counter") {
      const counter = meter.createCounter(name, options);
      for (const attributes of fromZero) counter.add(0, attributes);
      add.set(name, (by, attributes) => counter.add(by, attributes));
    } else if (kind === "histogram") {
      const histogram = meter.createHistogram(name, options);
      add.set(name, (value, attributes) => histogram.record(value, attributes));
    } else {
      let last: { value: number; at: number } | null = null;
      add.set(name, (value) => (last = { value, at: Date.now() }));
      meter.createObservableGauge(name, options).addCallback((result) => {
        if (last && Date.now() - last.at < gaugeWithinMs) result.observe(last.value);
      });
    }
  }
  return {
    count: (name, by, attributes) => add.get(name)?.(by, attributes),
    record: (name, value, attributes) => add.get(name)?.(value, attributes),
    observe: (name, value) => add.get(name)?.(value, {}),
  };
}
