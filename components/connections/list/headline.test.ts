import { expect, test } from "vitest";
import type { ConnectionStatus } from "@/lib/connections/views";
import { canReconnect, groupOf } from "@/lib/connections/pages/status";
import type { ConnectionsView, ConnectionView } from "@/lib/connections/views";
import { headlineOf, leadOf } from "@/components/connections/list/headline";

const now = new Date("2026-11-21T12:00:00Z");
const viewer = { locale: "en-GB", timeZone: "UTC", zoneKnown: true };

function pageOf(statuses: ConnectionStatus[], more: Partial<ConnectionsView> = {}) {
  const connections = statuses.map(
    (status) =>
      ({
        status,
        group: groupOf(status),
        canReconnect: canReconnect(status) && !more.repairsOff,
        brokerage: { name: "Kraken" },
      }) as ConnectionView,
  );
  const view = {
    version: 1,
    connections,
    lookedAt: now,
    unreachable: false,
    lookDueAt: null,
    gone: null,
    known: true,
    unreadable: 0,
    repairsOff: false,
    ...more,
  };
  return { headline: headlineOf(view, viewer, now), lead: leadOf(view, "Reconnect") };
}

const statuses: ConnectionStatus[] = [
  "removed",
  "removing",
  "unknown-connected",
  "unknown-disabled",
  "unsupported",
  "verifying",
  "reconnecting",
  "disabled-maintenance",
  "disabled-incident",
  "disabled",
  "maintenance",
  "degraded",
  "fresh",
  "connected",
];

test.each(statuses.flatMap((status) => [[status], [status, "connected" as const]]).map((of) => ({ of })))(
  "the lead below the headline of $of neither repeats nor contradicts it",
  ({ of }) => {
    for (const gone of [null, "deleted", "refused", "not-ours"] as const) {
      const { headline, lead } = pageOf(of, { gone });
      expect(lead.toLowerCase()).not.toContain(headline.toLowerCase());
    }
    const { headline, lead } = pageOf(of);
    if (headline.includes("need")) expect(lead).not.toMatch(/nothing for you/i);
    if (headline === "Nothing for you to do") expect(lead).not.toMatch(/nothing for you|if one stops/i);
  },
);

test("a person who removed their last connection isn't asked to connect their first", () => {
  expect(pageOf(["removed"])).toEqual({
    headline: "You have no connections",
    lead: "Removed connections stay on this page for a day.",
  });
});

test("where repairs are off, the page says what stopped and promises nothing", () => {
  expect(pageOf(["disabled", "disabled-incident", "connected"], { repairsOff: true }).lead).toBe(
    "Kraken and Kraken stopped sharing data with Reconnect.",
  );
});
