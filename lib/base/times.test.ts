import { expect, test } from "vitest";
import {
  ago,
  clock,
  clockSeconds,
  dayAndTime,
  dayAt,
  dayClock,
  duration,
  startOfDay,
  type Viewer,
} from "./times";

const toronto: Viewer = { locale: "en-GB", timeZone: "America/Toronto", zoneKnown: true };
const unknown: Viewer = { locale: "en-GB", timeZone: "UTC", zoneKnown: false };
const now = new Date("2026-11-20T19:05:00Z");
const before = (ms: number) => new Date(now.getTime() - ms);
const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("times are in the reader's zone; if that is not known, the zone is named", () => {
  expect(plain(clock(toronto, now))).toBe("14:05");
  expect(plain(clockSeconds(unknown, now))).toBe("19:05:00 UTC");
});

test("days are named, today is “today”, and a different year is shown", () => {
  expect(plain(dayClock(toronto, now, now))).toBe("today, 14:05");
  expect(plain(dayClock(toronto, new Date("2026-11-17T14:12:00Z"), now))).toBe("Tue 17 Nov, 09:12");
  expect(plain(dayAndTime(toronto, now, now))).toBe("Fri 20 Nov at 14:05");
  expect(plain(dayAndTime(unknown, now, now))).toBe("Fri 20 Nov at 19:05 UTC");
  expect(plain(dayAt(toronto, new Date("2025-03-14T14:12:00Z"), now))).toBe("on 14 Mar 2025 at 10:12");
});

test.each([
  [20_000, "just now"],
  [3 * 60_000, "3 minutes ago"],
  [90 * 60_000, "1 hour ago"],
  [3 * 86_400_000, "3 days ago"],
  [8 * 86_400_000, "on 12 Nov"],
])("%s ms ago is “%s”", (ms, words) => {
  expect(plain(ago(toronto, before(ms), now))).toBe(words);
});

test("dates and durations never break across lines", () => {
  expect(duration(3 * 86_400_000 + 4 * 3_600_000 + 49 * 60_000)).toBe(
    "3\u00a0days, 4\u00a0h\u00a049\u00a0min",
  );
  expect(plain(duration(50_000))).toBe("50 seconds");
});

test("a day starts at the reader's midnight, even on the day the clocks change", () => {
  expect(startOfDay(toronto, now).toISOString()).toBe("2026-11-20T05:00:00.000Z");
  expect(startOfDay(toronto, new Date("2026-11-01T20:00:00Z")).toISOString()).toBe(
    "2026-11-01T04:00:00.000Z",
  );
});
