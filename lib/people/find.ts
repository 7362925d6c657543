import "server-only";
import { eq, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import type { AdoptablePerson, PersonDetails } from "./person";

const columns = {
  userId: users.id,
  externalId: users.externalId,
  email: users.email,
  locale: users.locale,
  timeZone: users.timeZone,
  /** Set while the person is being deleted. */
  leavingSince: users.deletionRequestedAt,
  snapTradeUserId: snapTradeUsers.snapTradeUserId,
  adoptedAt: snapTradeUsers.adoptedAt,
};

/** The person with this external id, or null. Someone who is being deleted is still found. */
export async function getUserByExternalId(externalId: string) {
  const db = await database();
  const [found] = await db
    .select(columns)
    .from(users)
    .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
    .where(eq(users.externalId, externalId));
  return found ? { ...found, externalId } : null;
}

type FoundPerson = NonNullable<Awaited<ReturnType<typeof getUserByExternalId>>> & {
  sealedSecret: string | null;
  /** Set while SnapTrade refuses the secret, or after it deleted the user. */
  goneAt: Date | null;
};

/** Everyone whom this person could be, or could be in conflict with. */
export interface Standing {
  /** The person with this external id. */
  own: Omit<FoundPerson, "externalId"> | null;
  conflict: Conflict | null;
}

export type Conflict =
  /** This person has another SnapTrade user here. */
  | "has-another-snaptrade-user"
  /** The SnapTrade user belongs to another person here. */
  | "snaptrade-user-taken"
  /** The e-mail address belongs to another person here. */
  | "email-taken"
  /** The person or the SnapTrade user is being deleted, or the SnapTrade user was. */
  | "being-deleted";

/** Who a person is here, and what speaks against adopting them. Costs one index lookup per given id. */
export async function findStanding(
  person: Pick<AdoptablePerson, "externalId"> &
    Partial<Pick<AdoptablePerson, "snapTradeUserId">> &
    PersonDetails,
): Promise<Standing> {
  const { externalId, snapTradeUserId = null, email = null } = person;
  const db = await database();
  const ids = sql`(
    select id from ${users} where external_id = ${externalId}::text
    union select id from ${users} where email = ${email}::text
    union select user_id from ${snapTradeUsers} where snaptrade_user_id = ${snapTradeUserId}::text)`;
  const [rows, former] = await Promise.all([
    db
      .select({ ...columns, sealedSecret: snapTradeUsers.sealedSecret, goneAt: snapTradeUsers.goneAt })
      .from(users)
      .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
      .where(sql`${users.id} in ${ids}`),
    snapTradeUserId === null
      ? 0
      : db.$count(formerSnapTradeUsers, eq(formerSnapTradeUsers.snapTradeUserId, snapTradeUserId)),
  ]);
  const own = rows.find((row) => row.externalId === externalId) ?? null;
  const others = rows.filter((row) => row !== own);
  const conflict = ((): Conflict | null => {
    if (own?.leavingSince || former > 0) return "being-deleted";
    if (snapTradeUserId && own?.snapTradeUserId && own.snapTradeUserId !== snapTradeUserId)
      return "has-another-snaptrade-user";
    if (snapTradeUserId && others.some((row) => row.snapTradeUserId === snapTradeUserId))
      return "snaptrade-user-taken";
    return email !== null && others.some((row) => row.email === email) ? "email-taken" : null;
  })();
  return { own, conflict };
}
