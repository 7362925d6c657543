import { Ajv2020 } from "ajv/dist/2020";
import addFormats from "ajv-formats";
import { expect } from "vitest";
import { handle } from "@/lib/api/handle";
import { createApiKey } from "@/lib/api/keys";
import { describeApi } from "@/lib/api/openapi";
import type { Operation } from "@/lib/api/operation";
import { operations } from "@/lib/api/operations";
import { scopes, type Scope } from "@/lib/api/scopes";
import { testSettings } from "./unique";

interface Asked {
  headers?: Record<string, string>;
  body?: unknown;
  now?: Date;
  /** A whole Authorization header; null for none. */
  authorization?: string | null;
}

interface Description {
  paths: Record<string, Record<string, { responses: Record<string, Content> }>>;
}
interface Content {
  content?: Record<string, { schema: object }>;
}

/** A request to `/api/v1` as one of the company's servers sends it, and its answer, checked against OpenAPI. */
export function withApi(served: Operation[] = operations) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  let description: Description | undefined;

  /** The document is made when it is first needed, because the emulator's settings come before. */
  function describe(): Description {
    if (description) return description;
    process.env = { ...testSettings, ...process.env };
    description = describeApi(served) as unknown as Description;
    ajv.addSchema(description, "api");
    return description;
  }

  const makeKey = (allowed: readonly Scope[] = scopes) => createApiKey("tests", allowed, new Date());
  let usual: Promise<string> | undefined;

  async function ask(method: string, path: string, { headers, body, now, authorization }: Asked = {}) {
    describe();
    const key = (usual ??= makeKey());
    const sent = new Headers(headers);
    const auth = authorization === undefined ? `Bearer ${await key}` : authorization;
    if (auth !== null) sent.set("Authorization", auth);
    if (body !== undefined && !sent.has("Content-Type")) sent.set("Content-Type", "application/json");
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const request = new Request(`http://localhost:3000/api/v1${path}`, { method, headers: sent, body: text });
    const answer = await handle(request, served, now);
    const answered = await answer.text();
    const json = (answered === "" ? null : JSON.parse(answered)) as Record<string, unknown> | null;
    expectDescribed(method, path, answer, json);
    return { status: answer.status, headers: answer.headers, json };
  }

  /** Everything an operation may answer is in the description, and a problem has its own media type. */
  function expectDescribed(method: string, path: string, answer: Response, json: unknown) {
    const type = answer.headers.get("Content-Type") ?? "";
    const template = Object.keys(describe().paths).find((known) => matches(known, path));
    const pointer = template
      ? describedAt(template, method.toLowerCase(), answer.status, type)
      : "/components/schemas/Problem";
    expect(pointer, `${method} ${path} answers ${answer.status} ${type}`).not.toBeNull();
    if (!pointer) {
      expect(json).toBeNull();
      return;
    }
    const validate = ajv.compile({ $ref: `api#${pointer}` });
    validate(json);
    expect(validate.errors ?? [], `${method} ${path}: ${JSON.stringify(json)}`).toEqual([]);
  }

  /** The JSON pointer of the schema; "" if it has no content, null if the answer isn't described. */
  function describedAt(path: string, method: string, status: number, type: string): string | null {
    const described = describe().paths[path]?.[method];
    if (!described)
      return status === 401 || status === 405 || status === 429 ? "/components/schemas/Problem" : null;
    const answer = described.responses[status];
    if (!answer) return null;
    if (!answer.content) return "";
    if (!answer.content[type]) return null;
    const parts = ["paths", path, method, "responses", String(status), "content", type, "schema"];
    return parts
      .map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`)
      .join("");
  }

  return { ask, makeKey, describe };
}

function matches(template: string, path: string): boolean {
  const pattern = template.replace(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(path.split("?")[0] ?? "");
}
