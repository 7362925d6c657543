import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { countMissedWebhooks } from "./missed-webhooks";
import { forgetLooks, noticed, withWorld } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { reconcile } from "./round";
import { receiveEvent } from "@/lib/webhooks/inbox";
import { processInbox } from "@/lib/webhooks/process";

withDatabase();
const { emulator, makePeople } = withWorld();

const minuteMs = 60_000;

describe("when some webhooks are lost", () => {
  test.each([0, 1, 50, 100])(
    "at %i %, every break is found, by the timer if no webhook reported it",
    async (lossPercent) => {
      const listener = await startListener();
      const people = await makePeople(40);
      await emulator.post("/webhooks", { url: listener.url });
      await emulator.post("/settings", { webhookLossPercent: lossPercent });
      for (const { path, ids } of people) await emulator.post(`${path}/connections/${ids[0]}/break`);
      await expect
        .poll(async () => (await deliveries()).filter(({ state }) => state === "under way").length)
        .toBe(0);
      await emulator.post("/webhooks", { url: null });
      const sent = (await deliveries()).filter(
        ({ event, state }) => event.eventType === "CONNECTION_BROKEN" && state === "delivered",
      ).length;
      await processInbox();
      await forgetLooks();
      expect(await reconcile()).toMatchObject({ bound: { watched: 40 - sent } });
      const by = await noticed(people.flatMap(({ ids }) => ids));
      expect(by).toHaveLength(40);
      expect(by.filter((source) => source === "webhook")).toHaveLength(sent);
      expect(by.filter((source) => source === "timer")).toHaveLength(40 - sent);
      if (lossPercent === 0) expect(sent).toBe(40);
      if (lossPercent === 100) expect(sent).toBe(0);

      // After an hour and a half, the missed webhooks are counted.
      const record = await countMissedWebhooks(new Date(Date.now() + 90 * minuteMs));
      expect(record).toMatchObject({ breaks: 40, missed: 40 - sent });
      listener.close();
    },
  );
});

/** Passes SnapTrade's webhooks to the inbox, as the app's route does. */
async function startListener() {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void receiveEvent(Buffer.concat(chunks), String(request.headers.signature)).then((receipt) => {
        response.writeHead(receipt === "stored" ? 204 : 401).end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const deliveries = () => emulator.get<{ state: string; event: { eventType: string } }[]>("/deliveries");
