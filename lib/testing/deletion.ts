import { eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { rounds } from "@/lib/db/schema/work";
import { reconcile } from "@/lib/reconcile/round";
import { withWorld } from "./connections";

const start = Date.now();
/** So many minutes after the tests began. */
export const minutes = (n: number) => new Date(start + n * 60_000);

/** A world with people who have an e-mail address and a SnapTrade user, and rounds at any time. */
export function withOwners() {
  const { emulator, makePerson } = withWorld();

  async function owner() {
    const person = await makePerson();
    const snapTradeUserId = person.path.split("/").at(-1) ?? "";
    const [user] = await (await database()).select().from(users).where(eq(users.id, person.userId));
    if (!user) throw new Error("The person was not stored");
    return { ...person, snapTradeUserId, connectionId: person.ids[0] ?? "", email: user.email ?? "" };
  }

  async function round(now: Date) {
    await (await database()).update(rounds).set({ lockedUntil: new Date(0) });
    return reconcile(now);
  }

  return { emulator, owner, round };
}
