/**
 * Runs once at startup. A wrong setting or an unusable database stops the server here, with an explanation.
 * OpenTelemetry is loaded only if a receiver is configured.
 */
export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { describeError, log } = await import("@/lib/base/log");
  const { installGate } = await import("@/lib/server/gate");
  installGate();
  const { listenForShutdown } = await import("@/lib/server/shutdown");
  listenForShutdown();
  const { requireUsable } = await import("@/lib/server/ready");
  await requireUsable();
  if (process.env.OTEL_EXPORTER_OTLP_ENDPOINT) {
    // Next would fail every request if this threw.
    await import("@/lib/server/open-telemetry")
      .then(({ startTelemetry }) => startTelemetry())
      .catch((error: unknown) => log.error(describeError(error), "Telemetry could not be started"));
  }
  const { onCrowd } = await import("@/lib/live");
  const { processForOpenPages } = await import("@/lib/webhooks/process");
  onCrowd(processForOpenPages);
  const { startTimer } = await import("@/lib/reconcile/round");
  startTimer();
  const { startDelivering } = await import("@/lib/events/deliver");
  startDelivering();
}
