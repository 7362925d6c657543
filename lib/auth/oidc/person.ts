import "server-only";
import { and, eq, isNull } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { hasState } from "@/lib/db/errors";
import { users } from "@/lib/db/schema/users";

/** Two sign-ins of one person at once meet in each round at most once. */
const maxRounds = 3;
const uniqueViolation = /^23505$/;

interface Identity {
  externalId: string;
  /** Only an address that the provider has verified. */
  email: string | null;
}

/**
 * Finds the person whom the company knows by this id, or links or creates their account. A verified address
 * links to the account that has it, unless that account is already someone else's. Nothing that is stored is
 * ever overwritten, so an address that is taken stays where it is.
 * @returns false while the account is being deleted
 */
export async function admitPerson(identity: Identity, now: Date): Promise<boolean> {
  for (let round = 1; ; round++)
    try {
      return await transaction((tx) => findOrCreate(tx, identity, now));
    } catch (error) {
      // Someone else stored this id or address in between; the next round finds it.
      if (round === maxRounds || !hasState(error, uniqueViolation)) throw error;
    }
}

async function findOrCreate(tx: Transaction, { externalId, email }: Identity, now: Date): Promise<boolean> {
  const chosen = { externalId: users.externalId, deletionRequestedAt: users.deletionRequestedAt };
  const [known] = await tx.select(chosen).from(users).where(eq(users.externalId, externalId));
  if (known) return known.deletionRequestedAt === null;
  const [holder] = email ? await tx.select(chosen).from(users).where(eq(users.email, email)) : [];
  if (email && holder?.externalId === null) {
    if (holder.deletionRequestedAt) return false;
    const free = and(eq(users.email, email), isNull(users.externalId), isNull(users.deletionRequestedAt));
    const linked = await tx.update(users).set({ externalId }).where(free).returning({ id: users.id });
    if (linked.length > 0) return true;
  }
  const own = email && !holder ? { email, emailVerified: now } : {};
  await tx.insert(users).values({ externalId, ...own });
  return true;
}
