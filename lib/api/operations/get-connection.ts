import "server-only";
import { z } from "zod";
import { getForCompany } from "@/lib/connections/pages/for-company";
import { snapTradeId } from "@/lib/snaptrade/id";
import { connectionDetail, connectionDetailOf } from "@/lib/api/connection-fields";
import { answer, ApiProblem, operation } from "@/lib/api/operation";

export const getConnection = operation({
  name: "getConnection",
  method: "GET",
  path: "/connections/{connectionId}",
  scope: "connections:read",
  summary: "Read one connection with its episodes",
  params: z.strictObject({ connectionId: snapTradeId }),
  answers: { 200: connectionDetail },
  problems: [],
  work: async ({ params, now }) => {
    const found = await getForCompany(params.connectionId, now);
    if (!found) throw new ApiProblem("not-found");
    return answer(200, connectionDetailOf(found));
  },
});
