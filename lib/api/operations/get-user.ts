import "server-only";
import { z } from "zod";
import { externalId } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { readUser, user } from "@/lib/api/user-fields";

export const getUser = operation({
  name: "getUser",
  method: "GET",
  path: "/users/{externalId}",
  scope: "users:read",
  summary: "Read one person",
  params: z.strictObject({ externalId }),
  answers: { 200: user },
  problems: [],
  work: async ({ params }) => answer(200, await readUser(params.externalId)),
});
