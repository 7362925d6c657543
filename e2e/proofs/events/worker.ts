import { transaction, database } from "@/lib/db/client";
import { recordEvents } from "@/lib/events/record";
import { deliverEvents } from "@/lib/events/deliver";
import { addEndpoint } from "@/lib/events/endpoints";
import { brokerages, connections } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";

/**
 * One process of the proof, running the app's own code: "prepare <urls>" adds endpoints and people and prints
 * the secrets, "record <events each>" records, and "deliver" delivers until it is killed.
 */
const [task, given = ""] = process.argv.slice(2);
const peopleCount = 25;
const connectionsEach = 10;

async function prepare(urls: string[]): Promise<void> {
  const db = await database();
  const brokerageId = crypto.randomUUID();
  const flags = { enabled: true, maintenance: false, degraded: false, observedAt: new Date() };
  await db.insert(brokerages).values({ id: brokerageId, slug: "QUESTRADE", name: "Questrade", ...flags });
  for (let person = 0; person < peopleCount; person++) {
    const [user] = await db
      .insert(users)
      .values({ externalId: `person-${person}` })
      .returning({ id: users.id });
    const own = Array.from({ length: connectionsEach }, () => ({
      id: crypto.randomUUID(),
      userId: user?.id ?? "",
      brokerageId,
      access: "read" as const,
      state: "enabled" as const,
      observedAt: new Date(),
    }));
    await db.insert(connections).values(own);
  }
  const secrets: string[] = [];
  for (const url of urls) secrets.push((await addEndpoint(url, null, new Date())).secret);
  console.log(JSON.stringify(secrets));
}

async function record(each: number): Promise<void> {
  const db = await database();
  const rows = await db
    .select({ connectionId: connections.id, userId: connections.userId })
    .from(connections);
  for (let place = 0; place < each; place++)
    await transaction((tx) =>
      recordEvents(
        tx,
        rows.map((row) => ({ ...row, type: "connection.fixed", at: new Date(), data: { place } })),
      ),
    );
}

async function deliver(): Promise<never> {
  for (;;) {
    await deliverEvents();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

if (task === "prepare") await prepare(given.split(","));
else if (task === "record") await record(Number(given));
else await deliver();
process.exit(0);
