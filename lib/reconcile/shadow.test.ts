import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { requestForgetting } from "@/lib/account/delete";
import { resetUserSecret } from "@/lib/account/reset-secret";
import { sendSignInEmail } from "@/lib/auth/sign-in-email";
import { env } from "@/lib/base/env";
import { look } from "@/lib/connections/look/look";
import { requestRemoval } from "@/lib/connections/look/remove";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { notifyWhenBack } from "@/lib/connections/portal/notify-when-back";
import { openConnect, openReconnect } from "@/lib/connections/portal/open";
import { continueQueue } from "@/lib/connections/portal/queue";
import { database } from "@/lib/db/client";
import { events } from "@/lib/db/schema/events";
import { notices } from "@/lib/db/schema/notices";
import { users } from "@/lib/db/schema/users";
import { inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";
import { addEndpoint, testEndpoint } from "@/lib/events/endpoints";
import { NotDelivered, post } from "@/lib/events/post";
import { createConnectSession, createFixSession } from "@/lib/fix-sessions/visits/create";
import { openStep } from "@/lib/fix-sessions/visits/open";
import { sendMail } from "@/lib/mail";
import { deleteConnection } from "@/lib/snaptrade/connections";
import { createLoginLink } from "@/lib/snaptrade/login-link";
import { deleteSnapTradeUser, registerSnapTradeUser, resetSnapTradeUserSecret } from "@/lib/snaptrade/users";
import { forgetLooks, noticed, withWorld } from "@/lib/testing/connections";
import { setMode } from "@/lib/testing/mode";
import { withReceiver } from "@/lib/testing/receiver";
import { deliver, makeEvent } from "@/lib/testing/webhooks";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { reconcile } from "./round";

process.env.EVENTS_ALLOW_PRIVATE = "true";
withDatabase();
const { emulator, makePerson } = withWorld();
const receiver = withReceiver();

beforeEach(() => setMode("live"));

const hourMs = 3_600_000;
const refused = { code: "shadow-mode" };

type Person = Awaited<ReturnType<typeof makePerson>>;

/** SnapTrade's webhook about a break or a repair, as its server or the company's listener posts it. */
function report({ path: at }: Person, connectionId: string | undefined, type: string) {
  const event = makeEvent(type, new Date(), {
    clientId: env().SNAPTRADE_CLIENT_ID,
    userId: at.replace("/users/", ""),
    brokerageAuthorizationId: connectionId,
  });
  return deliver(event, { key: env().SNAPTRADE_CONSUMER_KEY });
}

interface State {
  requests: { method: string; path: string }[];
  mail: number;
}
const seen = () => emulator.get<State>("/state");

/** Rounds at these hours from now. */
async function rounds(hours: number[]) {
  for (const hour of hours) {
    await forgetLooks();
    const counts = await reconcile(new Date(Date.now() + hour * hourMs));
    expect(counts?.failed).toEqual([]);
  }
}

describe("in shadow mode", () => {
  test("a whole day asks SnapTrade only to read, and nobody gets anything, whatever live mode left behind", async () => {
    const live = await makePerson(["QUESTRADE", "KRAKEN", "ALPACA"]);
    const leaving = await makePerson();
    await addEndpoint(receiver.url("/day"), null, new Date());
    await emulator.post(`${live.path}/connections/${live.ids[0]}/break`);
    await look(live.userId);
    await emulator.post("/faults", { endpoint: "*", kind: "status", status: 503 });
    await requestRemoval(live.userId, live.ids[1] ?? "", new Date());
    await requestForgetting(leaving.userId, new Date(), { keepSnapTradeUser: false });
    await emulator.clearFaults("/faults");
    const db = await database();
    const left = { notices: await db.$count(notices), events: await db.$count(events) };
    expect(left).toMatchObject({ notices: 1 });

    const [announced, silent] = [await makePerson(), await makePerson()];
    const [eventsBefore, before] = [await db.$count(events), (await seen()).requests.length];
    setMode("shadow");
    await emulator.post(`${announced.path}/connections/${announced.ids[0]}/break`);
    await report(announced, announced.ids[0], "CONNECTION_BROKEN");
    await emulator.post(`${silent.path}/connections/${silent.ids[0]}/break`);
    await rounds([0, 3, 9, 16, 24]);
    expect(await noticed(announced.ids)).toEqual(["webhook"]);
    expect(await noticed(silent.ids)).toEqual(["timer"]);
    await emulator.post(`${announced.path}/connections/${announced.ids[0]}/fix`);
    await report(announced, announced.ids[0], "CONNECTION_FIXED");
    await rounds([25]);

    const { requests, mail } = await seen();
    const asked = requests.slice(before);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter(({ method }) => method !== "GET")).toEqual([]);
    expect(mail).toBe(0);
    expect(receiver.at("/day")).toEqual([]);
    expect([await db.$count(notices), await db.$count(events)]).toEqual([left.notices, eventsBefore]);
    expect((await db.$count(inboxEvents)) + (await db.$count(webhookEvents))).toBe(2);
  }, 120_000);

  test("every door is closed, says so, and leaves nothing begun", async () => {
    const [person, other] = [
      await makePerson(["QUESTRADE", "KRAKEN"]),
      await makeUser({ registered: false }),
    ];
    const { userId, ids } = person;
    const [connectionId = "", working = ""] = ids;
    await emulator.post(`${person.path}/connections/${connectionId}/break`);
    await look(userId);
    const now = new Date();
    const fixSession = await createFixSession({ userId, now });
    const endpoint = await addEndpoint(receiver.url("/doors"), null, now);
    const credentials = await requireSnapTradeCredentials(userId, now);
    const folder = await mkdtemp(path.join(tmpdir(), "reconnect-test-"));
    const before = (await seen()).requests.length;
    setMode("shadow");

    const visit = { userId, darkMode: false, now };
    const doors: Record<string, () => Promise<unknown>> = {
      reconnect: () => openReconnect({ ...visit, connectionId }),
      renew: () => openReconnect({ ...visit, connectionId: working, intent: "renew" }),
      "allow trading": () => openReconnect({ ...visit, connectionId: working, intent: "allow-trading" }),
      "reconnect everything": () => continueQueue(userId, now),
      connect: () => openConnect({ ...visit, brokerage: "ALPACA", beside: false }),
      "go on with a fix session": () => openStep({ ...visit, step: { fixSessionId: fixSession.id } }),
      "make a fix session": () => createFixSession({ userId, now }),
      "make a connect session": () => createConnectSession({ userId, now }),
      register: () => requireSnapTradeCredentials(other, now),
      "remove a connection": () => requestRemoval(userId, working, now),
      "delete someone at SnapTrade": () => requestForgetting(userId, now, { keepSnapTradeUser: false }),
      "reset a secret": () => resetUserSecret(userId, folder, now),
      "e-mail when it's back": () => notifyWhenBack(userId, connectionId, now),
      "test an endpoint": () => testEndpoint(endpoint.id, now),
      "login link": () =>
        createLoginLink(credentials, { reconnect: connectionId }, { returnUrl: "", darkMode: false }),
      "SnapTrade: register": () => registerSnapTradeUser(randomUUID(), userId),
      "SnapTrade: reset": () => resetSnapTradeUserSecret(credentials),
      "SnapTrade: delete a user": () => deleteSnapTradeUser(credentials.snapTradeUserId),
      "SnapTrade: delete a connection": () => deleteConnection(credentials, connectionId),
      mail: () => sendMail({ to: "one@example.com", subject: "", text: "", html: "" }),
    };
    for (const [name, enter] of Object.entries(doors))
      await expect(enter(), name).rejects.toMatchObject(refused);
    await expect(post(new URL(receiver.url("/doors")), {}, Buffer.from(""))).rejects.toThrow(NotDelivered);

    const { requests, mail } = await seen();
    expect([requests.slice(before), mail, receiver.at("/doors")]).toEqual([[], 0, []]);
    const db = await database();
    const [{ leavingSince } = {}] = await db
      .select({ leavingSince: users.deletionRequestedAt })
      .from(users)
      .where(eq(users.id, userId));
    expect(leavingSince).toBeNull();
  });

  test("someone who asks to sign in still gets their link, and can be forgotten without SnapTrade", async () => {
    setMode("shadow");
    await sendSignInEmail({ to: "operator@example.com", token: "0", returnTo: "/" });
    expect((await seen()).mail).toBe(1);
    setMode("live");
    const { userId } = await makePerson();
    setMode("shadow");
    await requestForgetting(userId, new Date(), { keepSnapTradeUser: true });
    const db = await database();
    expect(await db.$count(users, eq(users.id, userId))).toBe(0);
  });
});

test("once live, a break from shadow mode can be repaired in every way, and nobody is written to about it", async () => {
  const person = await makePerson();
  const { userId, ids } = person;
  setMode("shadow");
  await emulator.post(`${person.path}/connections/${ids[0]}/break`);
  await look(userId);
  setMode("live");
  await rounds([0, 1, 24]);
  const now = new Date();
  expect((await createFixSession({ userId, connectionId: ids[0], now })).url).toContain("/fix/");
  const opened = await openReconnect({ userId, connectionId: ids[0] ?? "", darkMode: false, now });
  expect(opened.loginLink).toContain("http");
  expect((await seen()).mail).toBe(0);
  expect(await (await database()).$count(notices, eq(notices.userId, userId))).toBe(0);
}, 60_000);
