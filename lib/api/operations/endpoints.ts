import "server-only";
import { z } from "zod";
import { time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { eventTypes } from "@/lib/db/schema/events";
import {
  addEndpoint,
  listEndpoints,
  removeEndpoint,
  rotateSecret,
  testEndpoint,
} from "@/lib/events/endpoints";

const types = z.array(z.enum(eventTypes)).min(1).nullable().meta({ description: "Null for all of them" });
const endpoint = z
  .object({
    id: z.uuid(),
    url: z.string(),
    events: types,
    created_at: time,
    failing_since: time.nullable().meta({ description: "Since when every attempt has failed" }),
    paused_at: time.nullable().meta({ description: "Since when nothing is sent; a passed test resumes it" }),
    last_error: z.string().nullable(),
    waiting: z.number().int().meta({ description: "Waiting deliveries, counted up to 10,000" }),
    dead: z.number().int().meta({
      description:
        "Deliveries given up on, after three and a half days or in shadow mode, counted up to 10,000",
    }),
  })
  .meta({ id: "Endpoint" });
const secret = z.string().meta({ description: "The signing secret; shown only here" });
const params = z.strictObject({ endpointId: z.uuid() });
const scope = "endpoints:write";

export const getEndpoints = operation({
  name: "listEndpoints",
  method: "GET",
  path: "/endpoints",
  scope,
  summary: "List where events are sent",
  answers: { 200: z.object({ endpoints: z.array(endpoint) }) },
  problems: [],
  async work() {
    const endpoints = (await listEndpoints()).map(
      ({ types: events, createdAt, failingSince, pausedAt, lastError, ...rest }) => ({
        ...rest,
        events,
        created_at: createdAt,
        failing_since: failingSince,
        paused_at: pausedAt,
        last_error: lastError,
      }),
    );
    return answer(200, { endpoints });
  },
});

export const postEndpoint = operation({
  name: "addEndpoint",
  method: "POST",
  path: "/endpoints",
  scope,
  summary: "Send events to an address",
  description: "What happens from now on is sent there, signed as Standard Webhooks describes.",
  body: z.strictObject({ url: z.string().max(2_000), events: types.default(null) }),
  answers: { 201: z.object({ id: z.uuid(), secret }) },
  problems: ["conflict"],
  work: async ({ body, now, requestId }) =>
    answer(201, await addEndpoint(body.url, body.events, now, requestId)),
});

export const deleteEndpoint = operation({
  name: "removeEndpoint",
  method: "DELETE",
  path: "/endpoints/{endpointId}",
  scope,
  summary: "Send no more events to an address",
  params,
  answers: { 204: null },
  problems: ["not-found"],
  async work({ params: { endpointId }, now }) {
    await removeEndpoint(endpointId, now);
    return answer(204, null);
  },
});

export const rotateEndpoint = operation({
  name: "rotateEndpointSecret",
  method: "POST",
  path: "/endpoints/{endpointId}/rotate",
  scope,
  summary: "Make a new signing secret",
  description:
    "For another 24 hours, the previous one also signs, as do any older ones that still sign. So if the answer is lost, ask again.",
  params,
  answers: { 200: z.object({ secret }) },
  problems: ["not-found", "conflict"],
  work: async ({ params: { endpointId }, now }) =>
    answer(200, { secret: await rotateSecret(endpointId, now) }),
});

export const postEndpointTest = operation({
  name: "testEndpoint",
  method: "POST",
  path: "/endpoints/{endpointId}/test",
  scope,
  summary: "Send a test event",
  description: "Sends an event of the type endpoint.test. If it is accepted, a paused endpoint is resumed.",
  params,
  answers: { 200: z.object({ accepted: z.boolean(), error: z.string().nullable() }) },
  problems: ["not-found", "shadow-mode"],
  async work({ params: { endpointId }, now }) {
    const error = await testEndpoint(endpointId, now);
    return answer(200, { accepted: error === null, error });
  },
});
