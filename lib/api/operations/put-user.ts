import "server-only";
import { z } from "zod";
import { adoptUser, type Rejection } from "@/lib/people/adopt";
import { personShapes } from "@/lib/people/person";
import { saveUser } from "@/lib/people/save";
import { getUserByExternalId } from "@/lib/people/find";
import { externalId } from "@/lib/api/fields";
import { answer, ApiProblem, operation } from "@/lib/api/operation";
import { readUser, user } from "@/lib/api/user-fields";

const body = z
  .strictObject({
    snaptrade_user_id: personShapes.snapTradeUserId.optional(),
    user_secret: personShapes.userSecret
      .optional()
      .meta({ description: "SnapTrade’s secret of that user; stored sealed, and in no answer" }),
    email: personShapes.email,
    locale: personShapes.locale.meta({ description: "A BCP 47 tag, such as en-CA" }),
    time_zone: personShapes.timeZone.meta({ description: "An IANA name, such as America/Toronto" }),
  })
  .refine(({ snaptrade_user_id: id, user_secret: secret }) => (id === undefined) === (secret === undefined), {
    path: ["user_secret"],
    error: "snaptrade_user_id and user_secret must be sent together",
  });

const sentences: Record<Exclude<Rejection, "secret-refused">, string> = {
  "has-another-snaptrade-user": "This person has another SnapTrade user here.",
  "snaptrade-user-taken": "This SnapTrade user belongs to another person here.",
  "email-taken": "This e-mail address belongs to another person here.",
  "being-deleted": "This person or SnapTrade user is being deleted.",
  refused: "SnapTrade refuses to list this user’s connections.",
  "unreadable-answer": "SnapTrade lists this user’s connections in a form that can’t be read.",
};

export const putUser = operation({
  name: "putUser",
  method: "PUT",
  path: "/users/{externalId}",
  scope: "users:write",
  summary: "Create or update one person",
  description:
    "If you send the SnapTrade user that you registered for them, it is verified by reading their connections. Otherwise one is registered when they first connect a brokerage. A missing member changes nothing; null removes an e-mail address or a locale.",
  params: z.strictObject({ externalId }),
  body,
  answers: { 200: user, 201: user },
  problems: ["conflict", "secret-refused"],
  work: async ({ params, body: given, now }) => {
    const { snaptrade_user_id: snapTradeUserId, user_secret: userSecret } = given;
    const details = { email: given.email, locale: given.locale, timeZone: given.time_zone };
    const person = { externalId: params.externalId, ...details };
    const wasThere = (await getUserByExternalId(params.externalId)) !== null;
    const saved =
      snapTradeUserId !== undefined && userSecret !== undefined
        ? await adoptUser({ ...person, snapTradeUserId, userSecret }, now)
        : await saveUser(person);
    if (saved.result === "rejected") throw problemOf(saved.reason);
    const shown = await readUser(params.externalId);
    return wasThere ? answer(200, shown) : answer(201, shown);
  },
});

const problemOf = (reason: Rejection) =>
  reason === "secret-refused"
    ? new ApiProblem("secret-refused")
    : new ApiProblem("conflict", { detail: sentences[reason] });
