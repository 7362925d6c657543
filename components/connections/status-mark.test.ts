import { expect, test } from "vitest";
import type { ConnectionView } from "@/lib/connections/views";
import { statusLabel } from "./status-mark";

const now = new Date("2026-11-21T12:00:00Z");
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const viewer = { locale: "en-GB", timeZone: "UTC", zoneKnown: true };
const unknown = { status: "unknown-connected" } as ConnectionView;

test.each([
  [null, "Not checked"],
  [hoursAgo(1), "Connected at 11:00"],
  [hoursAgo(25), "Not checked since Fri 20 Nov, 11:00"],
  [hoursAgo(24 * 9), "Not checked since Thu 12 Nov, 12:00"],
])("a connection last checked at %s is never shown as simply Connected", (lookedAt, label) => {
  expect(statusLabel(unknown, { viewer, now, lookedAt }).replaceAll(/\s/g, " ")).toBe(label);
});
