import "server-only";
import type { z } from "zod";
import type { ProblemCode, ProblemDetails } from "@/lib/server/problem";
import type { ApiKey } from "./keys";
import type { Scope } from "./scopes";

/*
 * To add an operation to `/api/v1`:
 *
 * 1. Write lib/api/operations/<verb-thing>.ts, which exports one `operation({ … })`:
 *
 *      export const getThing = operation({
 *        name: "getThing",                          // operationId
 *        method: "GET", path: "/things/{thingId}",  // below /api/v1; all names in braces are in `params`
 *        scope: "things:read",                      // lib/api/scopes.ts
 *        summary: "Read one thing",
 *        params: z.strictObject({ thingId: id }),   // also `query` and `body`; strict, so that typos are refused
 *        answers: { 200: thing },                   // null for an empty body
 *        problems: ["not-found"],                   // what `work` may throw as an ApiProblem or AppError
 *        work: async ({ params, now }) => answer(200, await …),
 *      });
 *
 * 2. Add it to the list in lib/api/operations.ts. That is all: one route serves every operation, and OpenAPI,
 *    the readable page, and the generated requests of the tests come from the same object.
 *
 * Before `work` runs, the key, its scope, its limit, the size, path, query, and body have been checked. Members
 * are snake_case, times are `time` (lib/api/fields.ts): a Date in `work`, RFC 3339 outside. What isn't in the
 * answer's schema is left out of the answer. `work` is for one person's data: look them up by external id, and
 * throw "not-found" for anyone and anything else.
 *
 * A write may come again with the same Idempotency-Key, which POST requires. If it succeeded, its answer is
 * repeated and `work` doesn't run; the stored answer is sealed, so it may hold a secret. If it failed or its
 * process died, `work` runs again with the same `requestId`. So `work` must be safe to run twice, also halfway:
 * use `requestId` as the id of the row you insert, with `onConflictDoNothing`.
 */

type Schemas = Record<number, z.ZodType | null>;

/** What `work` answers: one of the declared statuses with its body. */
type AnswerOf<Answers extends Schemas> = {
  [Status in keyof Answers & number]: { status: Status; body: BodyOf<Answers[Status]> };
}[keyof Answers & number];

type BodyOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : null;

interface Context<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  /** Our clock. */
  now: Date;
  key: ApiKey;
  /** A UUID that stays the same when this request is repeated with its Idempotency-Key. */
  requestId: string;
}

interface Declaration<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answers extends Schemas,
> {
  name: string;
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  scope: Scope;
  summary: string;
  description?: string;
  params?: Params;
  query?: Query;
  body?: Body;
  answers: Answers;
  problems: ProblemCode[];
  work: (context: Context<z.output<Params>, z.output<Query>, z.output<Body>>) => Promise<AnswerOf<Answers>>;
}

/** An operation with its types forgotten, for everything that handles all of them alike. */
export interface Operation extends Omit<Declaration<z.ZodType, z.ZodType, z.ZodType, Schemas>, "work"> {
  work: (context: Context<unknown, unknown, unknown>) => Promise<{ status: number; body: unknown }>;
}

/** Declares one operation; its schemas type what `work` gets and answers. */
export function operation<
  const Answers extends Schemas,
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(declared: Declaration<Params, Query, Body, Answers>): Operation {
  return declared as unknown as Operation;
}

/** What `work` returns: one of the operation's statuses, and the body or null. */
export const answer = <const Status extends number, Body>(status: Status, body: Body) => ({ status, body });

/** Thrown by `work` when it can't do what was asked for. */
export class ApiProblem extends Error {
  override name = "ApiProblem";
  constructor(
    readonly code: ProblemCode,
    readonly details: ProblemDetails = {},
  ) {
    super(code);
  }
}
