import { describeApi } from "@/lib/api/openapi";
import { operations } from "@/lib/api/operations";

/** What `/api/v1` offers, as OpenAPI 3.1. It holds nothing secret. */
export function GET() {
  return Response.json(describeApi(operations), { headers: { "Cache-Control": "no-cache" } });
}
