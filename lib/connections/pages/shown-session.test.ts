import { expect, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";
import { listConnectionViews } from "./list";
import { look } from "@/lib/connections/look/look";
import { openReconnect } from "@/lib/connections/portal/open";
import { checkPortal } from "@/lib/connections/portal/check";
import { withWorld } from "@/lib/testing/connections";

withDatabase();
const { emulator, makePerson } = withWorld();

async function owner() {
  const { userId, path, ids } = await makePerson();
  const connectionId = ids[0] ?? "";
  const say = async (what: "break" | "fix") => {
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${connectionId}/${what}`);
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await look(userId);
  };
  const status = async (now = new Date()) =>
    (await listConnectionViews(userId, { now, dayStartedAt: new Date(0) })).connections[0]?.status;
  const open = () => openReconnect({ userId, connectionId, darkMode: false, now: new Date() });
  return { userId, say, status, open };
}

test("a sign-in that SnapTrade has not confirmed within a minute is offered again", async () => {
  const { userId, say, status, open } = await owner();
  await say("break");
  const { view } = await open();
  await checkPortal({
    userId,
    portalSessionId: view.portalSessionId,
    reportedResult: { status: "SUCCESS" },
    over: true,
    now: new Date(),
  });
  expect(await status()).toBe("verifying");
  expect(await status(new Date(Date.now() + 61_000))).toBe("disabled");
});

test("a portal session for an earlier break is not shown for the current one", async () => {
  const { say, status, open } = await owner();
  await say("break");
  await open();
  expect(await status()).toBe("reconnecting");
  await say("fix");
  await say("break");
  expect(await status()).toBe("disabled");
});
