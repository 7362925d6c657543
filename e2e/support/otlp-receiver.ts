import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";

const attributes = z
  .array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }))
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]])));

const span = z.object({
  traceId: z.string().regex(/^[\da-f]{32}$/),
  spanId: z.string().regex(/^[\da-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes,
  status: z.object({ code: z.number().optional(), message: z.string().optional() }),
});
const resource = z.object({ attributes });
const traces = z.object({
  resourceSpans: z.array(z.object({ resource, scopeSpans: z.array(z.object({ spans: z.array(span) })) })),
});

const points = z.object({
  dataPoints: z.array(
    z.object({
      attributes,
      asDouble: z.number().optional(),
      asInt: z.coerce.number().optional(),
      count: z.coerce.number().optional(),
      sum: z.number().optional(),
    }),
  ),
});
const metric = z.object({
  name: z.string(),
  sum: points.extend({ isMonotonic: z.literal(true) }).optional(),
  gauge: points.optional(),
  histogram: points.optional(),
});
const measurements = z.object({
  resourceMetrics: z.array(
    z.object({ resource, scopeMetrics: z.array(z.object({ metrics: z.array(metric) })) }),
  ),
});

interface Point {
  name: string;
  kind: "counter" | "gauge" | "histogram";
  attributes: Record<string, unknown>;
  /** The number of values in a histogram. */
  value: number;
}

/** A receiver of OpenTelemetry's protocol (OTLP over HTTP, as JSON) that refuses whatever it can't parse. */
export async function startOtlpReceiver() {
  const received = {
    spans: [] as z.infer<typeof span>[],
    /** The newest value of each metric. */
    points: new Map<string, Point>(),
    /** Every body as it was sent. */
    bodies: [] as string[],
    refused: [] as string[],
    services: new Set<unknown>(),
    paths: new Set<string>(),
  };
  const take: Record<string, (body: unknown) => void> = {
    "/v1/traces": (body) => {
      for (const { resource, scopeSpans } of traces.parse(body).resourceSpans) {
        received.services.add(resource.attributes["service.name"]);
        received.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
      }
    },
    "/v1/metrics": (body) => {
      for (const { scopeMetrics } of measurements.parse(body).resourceMetrics)
        for (const one of scopeMetrics.flatMap(({ metrics }) => metrics))
          for (const point of pointsOf(one))
            received.points.set(`${one.name} ${JSON.stringify(point.attributes)}`, point);
    },
  };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.bodies.push(body);
      received.paths.add(request.url ?? "");
      try {
        const handle = take[request.url ?? ""];
        if (!handle) throw new Error(`Nothing is received at ${request.url ?? ""}`);
        handle(JSON.parse(body));
        response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
      } catch (error) {
        received.refused.push(String(error));
        response.writeHead(400).end();
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    ...received,
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function pointsOf({ name, sum, gauge, histogram }: z.infer<typeof metric>): Point[] {
  const kind = sum ? "counter" : gauge ? "gauge" : "histogram";
  return ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map((point) => ({
    name,
    kind,
    attributes: point.attributes,
    value: point.count ?? point.asDouble ?? point.asInt ?? Number.NaN,
  }));
}
