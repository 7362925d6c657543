import "server-only";
import { eq } from "drizzle-orm";
import { z } from "zod";
import { AppError } from "@/lib/base/errors";
import { database } from "@/lib/db/client";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { externalId, time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";

const user = z
  .object({
    external_id: externalId,
    id: z.uuid().meta({ description: "Our id" }),
    email: z.string().nullable(),
    locale: z.string().nullable(),
    time_zone: z.string(),
    snaptrade: z.enum(["none", "working", "refused", "deleted"]).meta({
      description: "Their SnapTrade user: none yet, or whether SnapTrade still accepts its secret",
    }),
    last_checked_at: time.nullable().meta({ description: "When we last read their connections" }),
    deletion_requested_at: time.nullable(),
  })
  .meta({ id: "User" });

/** @throws AppError not-found */
async function requireUser(wanted: string): Promise<z.output<typeof user>> {
  const db = await database();
  const [found] = await db
    .select({
      id: users.id,
      email: users.email,
      locale: users.locale,
      timeZone: users.timeZone,
      deletionRequestedAt: users.deletionRequestedAt,
      registered: snapTradeUsers.userId,
      gone: snapTradeUsers.goneReason,
      lookedAt: snapTradeUsers.lookedAt,
    })
    .from(users)
    .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
    .where(eq(users.externalId, wanted));
  if (!found) throw new AppError("not-found");
  return {
    external_id: wanted,
    id: found.id,
    email: found.email,
    locale: found.locale,
    time_zone: found.timeZone,
    snaptrade: found.registered ? (found.gone ?? "working") : "none",
    last_checked_at: found.lookedAt,
    deletion_requested_at: found.deletionRequestedAt,
  };
}

export const getUser = operation({
  name: "getUser",
  method: "GET",
  path: "/users/{externalId}",
  scope: "users:read",
  summary: "Read one person",
  params: z.strictObject({ externalId }),
  answers: { 200: user },
  problems: [],
  work: async ({ params }) => answer(200, await requireUser(params.externalId)),
});
