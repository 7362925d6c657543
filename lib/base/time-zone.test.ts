import { expect, test } from "vitest";
import { knownTimeZone } from "./time-zone";

test.each([
  ["America/Toronto", "America/Toronto"],
  ["america/toronto", "America/Toronto"],
  ["UTC", "UTC"],
  ["Etc/GMT+5", "Etc/GMT+5"],
  ["%", null],
  ["%25", null],
  ["+05:30", null],
  ["Mars/Olympus", null],
  ["", null],
])("the zone %s is stored as %s", (reported, kept) => {
  expect(knownTimeZone(reported)).toBe(kept);
});

test("aliases of a time zone map to one canonical name", () => {
  const spellings = ["Asia/Kolkata", "asia/kolkata", "ASIA/KOLKATA", "Asia/Calcutta"].map(knownTimeZone);
  expect(new Set(spellings).size).toBe(1);
});
