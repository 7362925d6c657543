import "server-only";
import { z } from "zod";
import { ApiProblem, type Operation } from "./operation";

interface Parsed {
  params: unknown;
  query: unknown;
  body: unknown;
}

/**
 * Parses path, query, and body as the operation declares them.
 * @throws ApiProblem that names everything that isn't valid
 */
export function parseRequest(
  { params, query, body }: Operation,
  request: Request,
  inPath: Record<string, string>,
  bytes: Buffer,
): Parsed {
  return {
    params: parseAs(params, inPath, "path"),
    query: parseAs(query ?? z.strictObject({}), queryOf(request), "query"),
    body: body && parseAs(body, jsonOf(request, bytes), "body"),
  };
}

function parseAs(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  const parsed = schema?.safeParse(value);
  if (!parsed || parsed.success) return parsed?.data;
  const errors = parsed.error.issues.map(({ path, message }) => ({
    at: [where, ...path.map(String)].join("."),
    detail: message,
  }));
  throw new ApiProblem("invalid-request", { errors: errors.slice(0, 20) });
}

/** @throws ApiProblem when a name appears twice, because then nobody knows which one counts */
function queryOf(request: Request): Record<string, string> {
  const entries = [...new URL(request.url).searchParams];
  const names = entries.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ApiProblem("invalid-request", {
      errors: [{ at: "query", detail: "A parameter appears twice" }],
    });
  return Object.fromEntries(entries);
}

function jsonOf(request: Request, bytes: Buffer): unknown {
  const type = request.headers.get("Content-Type") ?? "";
  if (!/^application\/json *(;|$)/i.test(type)) throw new ApiProblem("not-acceptable-type");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiProblem("not-json");
  }
}
