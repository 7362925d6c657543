import { randomUUID } from "node:crypto";
import type { Stage } from "./stage";

/** How the company's servers may come without being let in. */
const refusals = ["no key", "revoked key", "no scope", "another's id"] as const;

interface Described {
  paths: Record<string, Record<string, { parameters?: { name: string; in: string; required?: boolean }[] }>>;
}

interface ApiRequest {
  what: string;
  url: string;
  init: RequestInit;
  /** How it may be answered. */
  statuses: number[];
}

/**
 * A request to every operation of `/api/v1`, read from the description that the app serves: without a key, with a
 * revoked one, with one that has no scope for it, and for someone whom nobody knows, also with an id that looks
 * like a path.
 */
export async function listApiRequests({ appUrl, apiKeys, target }: Stage): Promise<ApiRequest[]> {
  const answer = await fetch(`${appUrl}/api/v1/openapi.json`);
  const { paths } = (await answer.json()) as Described;
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
      refusals.flatMap((kind) => {
        const known = kind !== "another's id";
        // A list names nobody in its path, and is for whoever has the key.
        if (!known && !template.includes("{")) return [];
        const ids = known ? [target.connectionId] : [randomUUID(), "a/b?c#%"];
        return ids.map((id): ApiRequest => {
          const key = kind === "no key" ? null : apiKeys[kind === "another's id" ? "full" : kind];
          const query = parameters
            .filter((one) => one.in === "query" && one.required)
            .map(({ name }) => `${name}=delete`);
          const path = template.replace(/\{\w+\}/g, encodeURIComponent(id));
          return {
            what: `${method.toUpperCase()} ${template} (${id}), ${kind}`,
            url: `${appUrl}/api/v1${path}${query.length > 0 ? `?${query.join("&")}` : ""}`,
            init: {
              method: method.toUpperCase(),
              headers: {
                ...(key ? { Authorization: `Bearer ${key}` } : {}),
                ...(method === "get" ? {} : { "Idempotency-Key": randomUUID() }),
              },
            },
            statuses: {
              "no key": [401],
              "revoked key": [401],
              "no scope": [403],
              // What has no id's form, or lacks its body, isn't looked for.
              "another's id": [404, 415, 422],
            }[kind],
          };
        });
      }),
    ),
  );
}
