import "server-only";
import { and, eq, isNull, or, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Database, Transaction } from "@/lib/db/database";
import { hasState } from "@/lib/db/errors";
import { users } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { findStanding, type Conflict } from "./find";
import type { PersonDetails } from "./person";

type Updated = { result: "updated" | "unchanged"; userId: string } | { result: "rejected"; reason: Conflict };
type Saved = { result: "created"; userId: string } | Updated;

const maxRaces = 3;

/**
 * Creates a person without a SnapTrade user, or updates what is known about one. Repeating it changes nothing,
 * and of two at once both find the same person.
 */
export async function saveUser(person: { externalId: string } & PersonDetails): Promise<Saved> {
  for (let race = 0; race < maxRaces; race++) {
    const { own, conflict } = await findStanding(person);
    if (conflict) return { result: "rejected", reason: conflict };
    if (own) return saveDetails(own.userId, person);
    const db = await database();
    const userId = await insertUser(db, person);
    if (userId) return { result: "created", userId };
  }
  throw new Error("A person changed several times while being saved");
}

/** @returns null if another request has just taken the external id or the e-mail address */
export async function insertUser(
  db: Pick<Database, "insert">,
  { externalId, email, locale, timeZone }: { externalId: string } & PersonDetails,
  id?: string,
): Promise<string | null> {
  const [made] = await db
    .insert(users)
    .values({ id, externalId, email, locale, timeZone })
    .onConflictDoNothing()
    .returning({ id: users.id });
  return made?.id ?? null;
}

const givenDetails = ({ email, locale, timeZone }: PersonDetails) =>
  Object.entries({ email, locale, timeZone }).filter(([, value]) => value !== undefined) as [
    keyof PersonDetails,
    string | null,
  ][];

/** What saveDetails would do, as of what was read about this person; changes nothing. */
export function compareDetails(
  own: { userId: string } & Record<keyof PersonDetails, string | null>,
  person: PersonDetails,
): Updated {
  const differs = givenDetails(person).some(([name, value]) => own[name] !== value);
  return { result: differs ? "updated" : "unchanged", userId: own.userId };
}

/** Writes only what differs. A person who is being deleted stays as they are. */
export async function saveDetails(userId: string, person: PersonDetails): Promise<Updated> {
  const given = givenDetails(person);
  if (given.length === 0) return { result: "unchanged", userId };
  const differs = given.map(([name, value]) => sql`${users[name]} is distinct from ${value}::text`);
  try {
    const changed = await transaction(async (tx: Transaction) => {
      const rows = await tx
        .update(users)
        .set(Object.fromEntries(given))
        .where(and(eq(users.id, userId), isNull(users.deletionRequestedAt), or(...differs)))
        .returning({ id: users.id });
      if (rows.length > 0) await recordChange(tx, userId);
      return rows.length > 0;
    });
    await announceChanges();
    return { result: changed ? "updated" : "unchanged", userId };
  } catch (error) {
    // Another request took the address after it was checked.
    if (hasState(error, /^23505$/)) return { result: "rejected", reason: "email-taken" };
    throw error;
  }
}
