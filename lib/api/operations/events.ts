import "server-only";
import { z } from "zod";
import { time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { eventTypes } from "@/lib/db/schema/events";
import { listEvents } from "@/lib/events/stream";

const event = z
  .object({
    id: z.uuid().meta({ description: "Also the webhook-id header of its deliveries" }),
    type: z.enum(eventTypes),
    timestamp: time.meta({ description: "When it happened" }),
    data: z.record(z.string(), z.unknown()).meta({ description: "As docs/events.md describes each type" }),
  })
  .meta({ id: "Event" });

const defaultLimit = 100;

export const getEvents = operation({
  name: "listEvents",
  method: "GET",
  path: "/events",
  scope: "events:read",
  summary: "Read the stream of events",
  description:
    "Oldest first. Pass the id of the last event that you know as `after` until `has_more` is false. Events are kept for 30 days. Those of a deleted person aren’t listed, but can still be passed as `after`. 404 means that the one in `after` isn’t kept anymore; then read without `after`, and skip the ids that you know.",
  query: z.strictObject({
    after: z.uuid().optional(),
    limit: z.coerce.number().int().min(1).max(500).default(defaultLimit),
  }),
  answers: { 200: z.object({ events: z.array(event), has_more: z.boolean() }) },
  problems: ["not-found"],
  async work({ query, now }) {
    const found = await listEvents(query.after ?? null, query.limit + 1, now);
    const events = found.slice(0, query.limit);
    return answer(200, { events, has_more: found.length > events.length });
  },
});
