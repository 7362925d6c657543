import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../support/ground.mjs";
import { startOtlpReceiver } from "../../support/otlp-receiver";
import { startApp } from "../../support/processes";
import { createSender, eventOf, signed } from "../../support/sender";
import { expect, test } from "../../support/test";

test("the built server sends the trace of a webhook and its metrics to the receiver, and nothing else", async () => {
  test.setTimeout(120_000);
  const data = await mkdtemp(path.join(tmpdir(), "reconnect-telemetry-"));
  const receiver = await startOtlpReceiver();
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const app = await startApp(ports, {
    DATABASE_URL: `pglite:${data}`,
    LOG_LEVEL: "silent",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_METRIC_EXPORT_INTERVAL: "1000",
  });
  const sender = createSender(app.url, 1);
  try {
    const event = eventOf("CONNECTION_BROKEN", randomUUID(), randomUUID(), Date.now());
    expect(await sender.post(signed(event))).toBe(204);
    expect((await fetch(`${app.url}/?token=hidden`)).headers.get("x-request-id")).toMatch(/^[\da-f-]{36}$/);
    const parts = () => {
      const receipt = receiver.spans.find(({ name }) => name === "webhook receive");
      return receiver.spans.filter(({ traceId }) => traceId === receipt?.traceId).map(({ name }) => name);
    };
    await expect
      .poll(() => parts().sort(), { timeout: 30_000 })
      .toEqual(["webhook announce", "webhook apply", "webhook receive"]);
    await expect
      .poll(() => [...new Set([...receiver.points.values()].map(({ name }) => name))], { timeout: 30_000 })
      .toEqual(expect.arrayContaining(["reconnect.webhook.events", "reconnect.round.duration"]));
    expect(receiver.refused).toEqual([]);
    const names = new Set(receiver.spans.map(({ name }) => name.split(" ")[0]));
    expect([...names].filter((name) => !["webhook", "round", "look"].includes(name ?? ""))).toEqual([]);
    for (const hidden of ["hidden", event.userId, event.webhookId, event.brokerageAuthorizationId])
      expect(receiver.bodies.join("\n").includes(hidden)).toBe(false);
  } finally {
    sender.close();
    await app.stop();
    await receiver.close();
    await rm(data, { recursive: true, force: true });
  }
});
