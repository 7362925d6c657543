import "server-only";
import { eq } from "drizzle-orm";
import { z } from "zod";
import { externalId, time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { noSuchPerson } from "@/lib/api/user-fields";
import { AppError } from "@/lib/base/errors";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { createConnectSession, createFixSession, expiresInSeconds } from "@/lib/fix-sessions/visits/create";
import { getFixSession } from "@/lib/fix-sessions/visits/get";
import { snapTradeId } from "@/lib/snaptrade/id";

const common = {
  user: externalId,
  return_url: z
    .string()
    .max(2_000)
    .optional()
    .meta({ description: "Where the person goes afterwards; RETURN_URLS must allow it" }),
  expires_in: z
    .int()
    .min(expiresInSeconds.least)
    .max(expiresInSeconds.most)
    .optional()
    .meta({ description: "How long the link lives, in seconds; seven days if absent" }),
  locale: z
    .string()
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/)
    .optional()
    .meta({
      description:
        "How dates and times are written, such as en-US. The pages are in English; other languages change nothing.",
    }),
  sign_in: z.boolean().optional().meta({
    description:
      "The link itself signs the person in, for this session only: once, for ten minutes, through a button. Give it to nobody else.",
  }),
};

const made = z
  .object({
    id: z.uuid(),
    url: z.url().meta({ description: "Secret, and not shown again" }),
    expires_at: time,
  })
  .meta({ id: "NewFixSession" });

const fixSession = z
  .object({
    id: z.uuid(),
    user: externalId.nullable().meta({ description: "Null for a person without an id of yours" }),
    kind: z.enum(["fix", "connect"]),
    connection: snapTradeId.nullable(),
    brokerage: z.string().nullable(),
    status: z.enum(["pending", "opened", "fixed", "connected", "failed", "expired"]),
    created_at: time,
    expires_at: time,
    opened_at: time.nullable(),
    ended_at: time.nullable(),
    outcome: z
      .object({
        reason: z.enum(["done", "not-needed", "removed", "given-up", "replaced", "timed-out"]),
        connections: z.array(snapTradeId).meta({ description: "What it repaired or made" }),
        failure: z.object({ reason: z.string(), code: z.string().nullable() }).nullable(),
      })
      .nullable()
      .meta({ description: "Null until it has ended, which it does once" }),
  })
  .meta({ id: "FixSession" });

/** @throws ApiProblem not-found */
async function requireUserId(wanted: string): Promise<string> {
  const db = await database();
  const [found] = await db.select({ id: users.id }).from(users).where(eq(users.externalId, wanted));
  if (!found) throw noSuchPerson();
  return found.id;
}

async function optionsOf(body: z.output<z.ZodObject<typeof common>>, requestId: string, now: Date) {
  return {
    id: requestId,
    userId: await requireUserId(body.user),
    returnUrl: body.return_url,
    expiresInSeconds: body.expires_in,
    locale: body.locale,
    signIn: body.sign_in,
    now,
  };
}

export const startFixSession = operation({
  name: "createFixSession",
  method: "POST",
  path: "/fix-sessions",
  scope: "fix-sessions:write",
  summary: "Make a link that leads a person through a repair",
  description:
    "Without `connection`, it leads through everything that needs them. The link works only for this person, signed in.",
  body: z.strictObject({ ...common, connection: snapTradeId.optional() }),
  answers: { 201: made },
  problems: ["not-found", "conflict", "shadow-mode"],
  work: async ({ body, requestId, now }) => {
    const options = await optionsOf(body, requestId, now);
    const { id, url, expiresAt } = await createFixSession({ ...options, connectionId: body.connection });
    return answer(201, { id, url, expires_at: expiresAt });
  },
});

export const startConnectSession = operation({
  name: "createConnectSession",
  method: "POST",
  path: "/connect-sessions",
  scope: "fix-sessions:write",
  summary: "Make a link that leads a person through connecting a brokerage",
  description:
    "Without `brokerage`, they choose one. Where they have a connection that needs reconnecting, it leads to that first.",
  body: z.strictObject({
    ...common,
    brokerage: z
      .string()
      .regex(/^[A-Z0-9-]{1,60}$/)
      .optional()
      .meta({ description: "SnapTrade's slug, such as QUESTRADE" }),
  }),
  answers: { 201: made },
  problems: ["not-found", "conflict", "shadow-mode"],
  work: async ({ body, requestId, now }) => {
    const options = await optionsOf(body, requestId, now);
    const { id, url, expiresAt } = await createConnectSession({ ...options, brokerage: body.brokerage });
    return answer(201, { id, url, expires_at: expiresAt });
  },
});

export const readFixSession = operation({
  name: "getFixSession",
  method: "GET",
  path: "/fix-sessions/{fixSessionId}",
  scope: "fix-sessions:read",
  summary: "Read one fix or connect session",
  params: z.strictObject({ fixSessionId: snapTradeId }),
  answers: { 200: fixSession },
  problems: ["not-found"],
  work: async ({ params, now }) => {
    const session = await getFixSession(params.fixSessionId, now);
    if (!session) throw new AppError("not-found");
    const { id, kind, status, reason, doneIds, failure } = session;
    return answer(200, {
      id,
      user: session.externalId,
      kind,
      connection: session.connectionId,
      brokerage: session.brokerage,
      status,
      created_at: session.createdAt,
      expires_at: session.expiresAt,
      opened_at: session.openedAt,
      ended_at: session.endedAt,
      outcome: reason && { reason, connections: doneIds, failure },
    });
  },
});
