import "server-only";
import { eq } from "drizzle-orm";
import { z } from "zod";
import { database } from "@/lib/db/client";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { externalId, time } from "./fields";
import { ApiProblem } from "./operation";

export const user = z
  .object({
    external_id: externalId,
    id: z.uuid().meta({ description: "Our id" }),
    email: z.string().nullable(),
    locale: z.string().nullable(),
    time_zone: z.string(),
    snaptrade_user_id: z.string().nullable().meta({ description: "Null while they have no SnapTrade user" }),
    snaptrade: z.enum(["none", "working", "refused", "deleted"]).meta({
      description: "Whether SnapTrade accepts their secret, has refused it for minutes, or deleted the user",
    }),
    last_checked_at: time.nullable().meta({ description: "When we last read their connections" }),
    deletion_requested_at: time.nullable(),
  })
  .meta({ id: "User" });

/** What an operation throws for an external id that nobody here has. */
export const noSuchPerson = () =>
  new ApiProblem("not-found", { detail: "No person here has this external id." });

/**
 * A person as the API shows them.
 * @throws ApiProblem not-found
 */
export async function readUser(wanted: string): Promise<z.output<typeof user>> {
  const db = await database();
  const [found] = await db
    .select({
      id: users.id,
      email: users.email,
      locale: users.locale,
      timeZone: users.timeZone,
      deletionRequestedAt: users.deletionRequestedAt,
      snapTradeUserId: snapTradeUsers.snapTradeUserId,
      gone: snapTradeUsers.goneReason,
      lookedAt: snapTradeUsers.lookedAt,
    })
    .from(users)
    .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
    .where(eq(users.externalId, wanted));
  if (!found) throw noSuchPerson();
  return {
    external_id: wanted,
    id: found.id,
    email: found.email,
    locale: found.locale,
    time_zone: found.timeZone,
    snaptrade_user_id: found.snapTradeUserId,
    snaptrade: found.snapTradeUserId ? (found.gone ?? "working") : "none",
    last_checked_at: found.lookedAt,
    deletion_requested_at: found.deletionRequestedAt,
  };
}
