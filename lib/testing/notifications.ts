import { buffer } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import { eq } from "drizzle-orm";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { observe } from "@/lib/connections/observations/observe";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { testSettings } from "./unique";
import { makeConnections } from "./webhooks";

const start = Date.parse("2026-11-17T09:00:00Z");
/** Minutes after the time at which these tests begin. */
export const at = (minutes: number) => new Date(start + minutes * 60_000);
export const days = (n: number) => n * 1440;

interface Arrived {
  to: string;
  subject: string;
  text: string;
}

/** A test's own mail server, with hooks before it asks for an e-mail and while it accepts one. */
export function withMailServer() {
  const arrived: Arrived[] = [];
  const moments: { beforeData: () => Promise<unknown>; beforeAnswer: () => Promise<unknown> } = {
    beforeData: nothing,
    beforeAnswer: nothing,
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onRcptTo: (_, __, done) => void moments.beforeData().then(() => done(), done),
    onData: (stream, session, done) =>
      void buffer(stream)
        .then((raw) => PostalMime.parse(raw))
        .then(async ({ subject = "", text = "" }) => {
          await moments.beforeAnswer();
          arrived.push({ to: session.envelope.rcptTo[0]?.address ?? "", subject, text });
        })
        .then(() => done(), done),
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.server.address() as AddressInfo;
    Object.assign(process.env, testSettings, { SMTP_URL: `smtp://127.0.0.1:${port}` });
  });
  beforeEach(() => {
    Object.assign(moments, { beforeData: nothing, beforeAnswer: nothing });
    arrived.length = 0;
  });
  afterAll(() => new Promise<void>((resolve) => server.close(resolve)));
  const subjects = (to?: string) =>
    arrived.filter((mail) => !to || mail.to === to).map(({ subject }) => subject);
  return { arrived, moments, subjects };
}

const nothing = () => Promise.resolve();

/** Creates a person with working connections and no quiet hours. */
export async function makeOwner(count = 1) {
  const owner = await makeConnections(count, at(-days(40)));
  const db = await database();
  const [user] = await db
    .update(users)
    .set({ quietFrom: 0, quietTo: 0 })
    .where(eq(users.id, owner.userId))
    .returning();
  const report = (index: number, state: "enabled" | "disabled" | "deleted", minutes: number) =>
    observe(owner.userId, [
      {
        connectionId: owner.ids[index] ?? "",
        state,
        observedAt: at(minutes),
        answeredAt: null,
        disabledAt: null,
        source: "webhook",
        recordedAt: at(minutes),
      },
    ]);
  /** A stale read that still shows the break that began at `brokeAt`. */
  const stillDisabled = (index: number, minutes: number, brokeAt: number) =>
    observe(owner.userId, [
      {
        connectionId: owner.ids[index] ?? "",
        state: "disabled",
        observedAt: at(minutes),
        answeredAt: at(minutes),
        disabledAt: at(brokeAt),
        source: "person",
        recordedAt: at(minutes),
      },
    ]);
  return { ...owner, email: user?.email ?? "", report, stillDisabled };
}
