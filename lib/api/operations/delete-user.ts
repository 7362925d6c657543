import "server-only";
import { z } from "zod";
import { requestForgetting } from "@/lib/account/delete";
import { getUserByExternalId } from "@/lib/people/find";
import { externalId, time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { noSuchPerson } from "@/lib/api/user-fields";

export const deleteUser = operation({
  name: "deleteUser",
  method: "DELETE",
  path: "/users/{externalId}",
  scope: "users:write",
  summary: "Delete one person",
  description:
    "202 while SnapTrade hasn’t confirmed yet that it deleted its user: the person is signed out at once, and everything about them here is deleted once it has. 204 when nothing is left.",
  params: z.strictObject({ externalId }),
  query: z.strictObject({
    snaptrade_user: z
      .enum(["keep", "delete"])
      .meta({ description: "Whether their user at SnapTrade stays there, with its connections" }),
  }),
  answers: { 202: z.object({ deletion_requested_at: time }).meta({ id: "Deletion" }), 204: null },
  problems: ["shadow-mode"],
  work: async ({ params, query, now }) => {
    const person = await getUserByExternalId(params.externalId);
    if (!person) throw noSuchPerson();
    await requestForgetting(person.userId, now, { keepSnapTradeUser: query.snaptrade_user === "keep" });
    const left = await getUserByExternalId(params.externalId);
    return left ? answer(202, { deletion_requested_at: left.leavingSince ?? now }) : answer(204, null);
  },
});
