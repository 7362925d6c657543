import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { withApi } from "@/lib/testing/api";
import { requestsFor, type DescribedOperation, type Schema } from "@/lib/testing/api-requests";
import { withWorld } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { nameOf } from "@/lib/testing/api-people";

withDatabase();
const { makePerson } = withWorld();
const { ask, makeKey, describe } = withApi();

/** In all. `API_REQUESTS=20000` looks longer. */
const requests = Number(process.env.API_REQUESTS ?? 240);
/** A busy machine has taken 170 ms for one of them. */
const timeLimitMs = 60_000 + requests * 250;

test(
  "no request that the document describes, or nearly, gets an answer outside it or a server error",
  async () => {
    const person = await makePerson();
    const name = await nameOf(person.userId);
    const known = [name, ...person.ids, randomUUID()];
    const { components, paths } = describe() as unknown as {
      components: { schemas: Record<string, Schema> };
      paths: Record<string, Record<string, DescribedOperation>>;
    };
    const arbitraries = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) =>
        requestsFor(method.toUpperCase(), path, operation, components.schemas, known),
      ),
    );
    expect(arbitraries.length).toBeGreaterThan(0);
    const seen = new Set<number>();
    let [asked, authorization] = [0, ""];
    await fc.assert(
      fc.asyncProperty(fc.oneof(...arbitraries), async ({ method, path, headers, body }) => {
        if (asked++ % 500 === 0) authorization = `Bearer ${await makeKey()}`;
        const { status, json } = await ask(method, path, { headers, body, authorization });
        seen.add(status);
        expect(status, `${method} ${path}: ${JSON.stringify(json)}`).toBeLessThan(500);
      }),
      { numRuns: requests },
    );
    for (const status of [200, 404, 422]) expect(seen).toContain(status);
  },
  timeLimitMs,
);
