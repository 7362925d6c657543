import "server-only";
import { z } from "zod";
import { env } from "@/lib/base/env";
import { problems, problemType, type ProblemCode } from "@/lib/server/problem";
import type { Operation } from "./operation";

type Json = Record<string, unknown>;

/** Every operation may end in one of these, before `work` runs or when it fails unexpectedly. */
const always: ProblemCode[] = [
  "no-key",
  "missing-scope",
  "not-found",
  "method-not-allowed",
  "too-large",
  "invalid-request",
  "too-many-requests",
  "unexpected",
  "unavailable",
];
const forWrites: ProblemCode[] = ["still-running", "answer-lost", "idempotency-key-reused"];

const problemSchema = {
  type: "object",
  description: "A failure, as RFC 9457 describes it. More members may be added.",
  properties: {
    type: { type: "string", format: "uri", description: "Leads to a description of this kind of problem" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(problems), description: "The last part of `type`" },
    detail: { type: "string", description: "One sentence about this occurrence" },
    errors: {
      type: "array",
      description: "What isn’t valid",
      items: {
        type: "object",
        properties: { at: { type: "string" }, detail: { type: "string" } },
        required: ["at", "detail"],
      },
    },
  },
  required: ["type", "title", "status", "code"],
};

/** The OpenAPI 3.1 description of `/api/v1`, made from the schemas that parse requests and write answers. */
export function describeApi(operations: Operation[]): Json {
  const schemas: Json = { Problem: problemSchema };
  const paths: Record<string, Json> = {};
  for (const operation of operations)
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = describeOperation(operation, schemas);
  return {
    openapi: "3.1.0",
    info: { title: `${env().APP_NAME} API`, version: "1" },
    servers: [{ url: `${env().APP_URL}/api/v1` }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key" } },
      schemas,
      headers: {
        RateLimit: { description: "What is left of the key’s limit", schema: { type: "string" } },
        "RateLimit-Policy": { description: "The key’s limit", schema: { type: "string" } },
        "Retry-After": { description: "In how many seconds to try again", schema: { type: "integer" } },
      },
    },
  };
}

/** The codes of the problems that an operation can end in, besides its own. */
export function problemsOf({ method, body, problems: own }: Operation): ProblemCode[] {
  return [
    ...new Set([
      ...always,
      ...(method === "GET" ? [] : forWrites),
      ...(method === "POST" ? (["idempotency-key-missing"] as const) : []),
      ...(body ? (["not-json", "not-acceptable-type"] as const) : []),
      ...own,
    ]),
  ];
}

function describeOperation(operation: Operation, schemas: Json): Json {
  const { name, summary, description, scope, body, answers } = operation;
  const responses: Json = {};
  for (const [status, schema] of Object.entries(answers))
    responses[status] = {
      description: "Done",
      headers: limitHeaders,
      ...(schema ? { content: { "application/json": { schema: jsonSchema(schema, schemas) } } } : {}),
    };
  const codes = problemsOf(operation);
  for (const status of new Set(codes.map((code) => problems[code].status)))
    responses[status] = describeProblems(codes.filter((code) => problems[code].status === status));
  return {
    operationId: name,
    summary,
    description: [description, `Needs the scope \`${scope}\`.`].filter(Boolean).join(" "),
    parameters: parametersOf(operation, schemas),
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { "application/json": { schema: jsonSchema(body, schemas) } },
          },
        }
      : {}),
    responses,
  };
}

const limitHeaders = {
  RateLimit: { $ref: "#/components/headers/RateLimit" },
  "RateLimit-Policy": { $ref: "#/components/headers/RateLimit-Policy" },
};

function describeProblems(codes: ProblemCode[]): Json {
  const schema = {
    allOf: [
      { $ref: "#/components/schemas/Problem" },
      { properties: { code: { enum: codes }, type: { enum: codes.map(problemType) } } },
    ],
  };
  return {
    description: codes.map((code) => problems[code].title).join("; or "),
    headers: { "Retry-After": { $ref: "#/components/headers/Retry-After" } },
    content: { "application/problem+json": { schema } },
  };
}

function parametersOf({ method, params, query }: Operation, schemas: Json): Json[] {
  const places = [
    ["path", params],
    ["query", query],
  ] as const;
  const named = places.flatMap(([place, schema]) => {
    if (!schema) return [];
    const { properties = {}, required = [] } = jsonSchema(schema, schemas) as {
      properties?: Record<string, Json>;
      required?: string[];
    };
    return Object.entries(properties).map(([name, { description, ...rest }]) => ({
      name,
      in: place,
      required: required.includes(name),
      ...(description ? { description } : {}),
      schema: rest,
    }));
  });
  if (method === "GET") return named;
  const idempotency = {
    name: "Idempotency-Key",
    in: "header",
    required: method === "POST",
    description: "Makes the request safe to repeat for 24 hours",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" },
  };
  return [...named, idempotency];
}

/** A schema as it is on the wire; schemas with an id become components. */
function jsonSchema(schema: z.ZodType, schemas: Json): Json {
  const text = JSON.stringify(z.toJSONSchema(schema, { io: "input" }));
  const { $defs = {}, ...written } = JSON.parse(
    text.replaceAll("#/$defs/", "#/components/schemas/"),
  ) as Json & { $defs?: Record<string, Json> };
  for (const [name, definition] of Object.entries($defs)) schemas[name] = without(definition, "id");
  const own = without(written, "$schema", "id");
  if (typeof written.id !== "string") return own;
  schemas[written.id] = own;
  return { $ref: `#/components/schemas/${written.id}` };
}

const without = (object: Json, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
