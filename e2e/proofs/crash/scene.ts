import { Control } from "../../support/control";
import { makePerson, seedConnections } from "../../support/people";
import { startEmulator } from "../../support/processes";
import { startKillableApp, type Ports } from "./app";
import { startPosting, type Pace } from "./posting";

const connectionCount = 20;

/** An app, an emulator, and one person whose connections are broken and repaired only by posted events. */
export async function setScene(ports: Ports, settings: Record<string, string>, pace: Pace = {}) {
  const emulator = await startEmulator(ports);
  const app = await startKillableApp(ports, settings);
  const control = new Control(emulator.url);
  await control.post("/settings", { webhooks: "off", rateLimit: 100_000 });
  const person = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "crash@example.com");
  const connections = await seedConnections(
    person,
    Array.from({ length: connectionCount }, () => ({
      brokerage: "QUESTRADE",
      createdDate: new Date(Date.now() - 40 * 86_400_000).toISOString(),
    })),
  );
  // SnapTrade answers no reads, so only the posted events count.
  await control.post(`/users/${person.snapTradeUserId}/faults`, {
    endpoint: "list",
    kind: "status",
    status: 503,
  });
  const connectionIds = connections.map(({ id }) => id);
  const posting = startPosting(app.url, person.snapTradeUserId, connectionIds, pace);
  return {
    connectionIds,
    posting,
    person,
    app,
    async killApp() {
      await posting.until(50 + Math.random() * 200);
      await app.kill();
      await app.start();
    },
    stop: () => Promise.all([app.stop(), emulator.stop()]),
  };
}
