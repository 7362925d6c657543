import "server-only";
import { z } from "zod";
import { look } from "@/lib/connections/look/look";
import { countCheck } from "@/lib/connections/observations/snaptrade-user";
import { getUserByExternalId } from "@/lib/people/find";
import { externalId } from "@/lib/api/fields";
import { answer, ApiProblem, operation } from "@/lib/api/operation";
import { noSuchPerson } from "@/lib/api/user-fields";

export const checkUser = operation({
  name: "checkUser",
  method: "POST",
  path: "/users/{externalId}/check",
  scope: "connections:check",
  summary: "Read a person’s connections from SnapTrade now",
  description:
    "Does the same as the button on their page, within the same limit: six at once, then one every ten seconds. Connections are also checked without this.",
  params: z.strictObject({ externalId }),
  answers: {
    200: z
      .object({
        changed: z.array(z.string()).meta({ description: "The ids of connections whose state changed" }),
      })
      .meta({ id: "Check" }),
  },
  problems: ["conflict"],
  work: async ({ params, now }) => {
    const person = await getUserByExternalId(params.externalId);
    if (!person) throw noSuchPerson();
    await countCheck(person.userId, now);
    const result = await look(person.userId, now);
    if (result.looked) return answer(200, { changed: result.changed });
    switch (result.reason) {
      case "nobody":
        throw new ApiProblem("conflict", { detail: "This person has no SnapTrade user." });
      case "user-refused":
        throw new ApiProblem("conflict", { detail: "SnapTrade refuses this person’s secret." });
      default:
        throw new ApiProblem("unavailable", {
          detail: "SnapTrade isn’t answering as expected, or is busy.",
          retryAfterSeconds: 10,
        });
    }
  },
});
