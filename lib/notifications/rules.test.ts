import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, dueAt, endOfQuiet, type NoticeFacts, type NoticeKind } from "./rules";

const start = Date.parse("2026-11-17T09:00:00Z");
const minute = 60_000;
const day = 1440 * minute;
const at = (ms: number) => new Date(start + ms);

const facts: NoticeFacts = {
  kind: "broke",
  noticedAt: at(0),
  ended: false,
  createdAt: at(0),
  leaving: false,
  notified: false,
  present: "broken",
  held: null,
  joins: false,
  asked: null,
  preference: "all",
  hasAddress: true,
  quietFrom: 0,
  quietTo: 0,
  timeZone: "UTC",
};

interface Sent {
  kind: NoticeKind;
  at: number;
}

interface History {
  fixedAfterMs: number | null;
  heldFromMs: number;
  heldForMs: number;
  /**
   * When the person asked to be notified that the brokerage is back, and when someone's sign-in there
   * succeeded.
   */
  askedAfterMs: number | null;
  answeredAfterMs: number;
  preference: NoticeFacts["preference"];
  quietFrom: number;
  quietTo: number;
  timeZone: string;
}

/** Plays one episode from its break to its end, with the sender running every few minutes. */
function play({
  fixedAfterMs,
  heldFromMs,
  heldForMs,
  askedAfterMs,
  answeredAfterMs,
  ...person
}: History): Sent[] {
  const sent: Sent[] = [];
  const waiting = new Map<NoticeKind, number>([["broke", 0]]);
  let endPlanned = false;
  let askedAt: number | null = null;
  for (let ms = 0; ms < 9 * day; ms += 7 * minute) {
    const ended = fixedAfterMs !== null && ms >= fixedAfterMs;
    if (ended && !endPlanned) waiting.set("fixed", ms);
    endPlanned ||= ended;
    if (askedAfterMs !== null && ms >= askedAfterMs && !ended && askedAt === null) {
      askedAt = ms;
      waiting.set("when-back", ms);
    }
    const held = ms >= heldFromMs && ms < heldFromMs + heldForMs;
    for (const [kind, from] of [...waiting]) {
      if (from > ms) continue;
      const notified = sent.some((one) => one.kind === "broke");
      const answeredSince = askedAt !== null && answeredAfterMs > askedAt && ms > answeredAfterMs;
      const asked = kind === "when-back" && askedAt !== null ? { at: at(askedAt), answeredSince } : null;
      const present = ended ? "works" : "broken";
      const why = held ? "maintenance" : null;
      const decision = decide(
        { ...facts, ...person, kind, ended, present, held: why, notified, asked, createdAt: at(from) },
        at(ms),
      );
      if (decision.act === "wait") waiting.set(kind, decision.until.getTime() - start);
      else if (decision.act === "hold") waiting.set(kind, ms);
      else waiting.delete(kind);
      if (decision.act !== "send") continue;
      sent.push({ kind, at: ms });
      if (kind === "broke")
        for (const later of ["reminder-3", "reminder-7"] as const)
          waiting.set(later, dueAt(later, at(0)).getTime() - start);
    }
  }
  return sent;
}

const someHistory = fc.record({
  fixedAfterMs: fc.option(fc.integer({ min: 0, max: 9 * day })),
  heldFromMs: fc.integer({ min: 0, max: 8 * day }),
  heldForMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 * day })),
  askedAfterMs: fc.option(fc.integer({ min: 0, max: 8 * day })),
  answeredAfterMs: fc.integer({ min: 0, max: 9 * day }),
  preference: fc.constantFrom("all" as const, "first" as const, "none" as const),
  quietFrom: fc.integer({ min: 0, max: 1439 }),
  quietTo: fc.integer({ min: 0, max: 1439 }),
  timeZone: fc.constantFrom("UTC", "America/Toronto", "Asia/Kolkata", "Australia/Lord_Howe"),
});

describe("over random histories of an episode", () => {
  test("no kind is sent twice, none is sent while held or in quiet hours, and no prompt is sent after the fix", () => {
    fc.assert(
      fc.property(someHistory, (history) => {
        const sent = play(history);
        expect(new Set(sent.map(({ kind }) => kind)).size).toBe(sent.length);
        for (const { kind, at: ms } of sent) {
          expect(endOfQuiet(history, at(ms))).toBeNull();
          if (kind === "fixed") continue;
          expect(history.fixedAfterMs === null || ms < history.fixedAfterMs).toBe(true);
          expect(ms >= history.heldFromMs && ms < history.heldFromMs + history.heldForMs).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("people who want no e-mails get only those they asked for, people who want only the first get no reminders, and a receipt only follows a notice", () => {
    fc.assert(
      fc.property(someHistory, (history) => {
        const kinds = play(history).map(({ kind }) => kind);
        if (history.preference === "none") expect(kinds.filter((kind) => kind !== "when-back")).toEqual([]);
        if (history.preference === "first")
          expect(kinds.filter((kind) => kind.startsWith("reminder"))).toEqual([]);
        if (kinds.includes("fixed")) expect(kinds).toContain("broke");
      }),
      { numRuns: 300 },
    );
  });
});

const calm: History = {
  fixedAfterMs: null,
  heldFromMs: 0,
  heldForMs: 0,
  askedAfterMs: null,
  answeredAfterMs: 0,
  preference: "all",
  quietFrom: 0,
  quietTo: 0,
  timeZone: "UTC",
};

test("a break that nobody repairs is announced once and followed by two reminders, and no more", () => {
  expect(play(calm).map(({ kind }) => kind)).toEqual(["broke", "reminder-3", "reminder-7"]);
});

test("without an address every e-mail ends as canceled, whatever else it would wait for", () => {
  const kinds: NoticeKind[] = ["broke", "reminder-3", "reminder-7", "when-back", "fixed"];
  for (const kind of kinds)
    for (const held of [null, "maintenance"])
      expect(decide({ ...facts, kind, held, hasAddress: false }, at(0))).toEqual({
        act: "cancel",
        why: "no-address",
      });
});

test("a break that is repaired within ten minutes is never announced", () => {
  expect(play({ ...calm, fixedAfterMs: 9 * minute })).toEqual([]);
});

test("a person who asked is notified an hour later, or as soon as someone's sign-in succeeds", () => {
  const sentAt = (more: Partial<History>) =>
    play({ ...calm, askedAfterMs: day, ...more }).find(({ kind }) => kind === "when-back")?.at ?? 0;
  const late = 12 * minute;
  expect(sentAt({}) - day).toBeGreaterThanOrEqual(60 * minute);
  expect(sentAt({}) - day).toBeLessThan(60 * minute + 2 * late);
  expect(sentAt({ answeredAfterMs: day + 15 * minute }) - day).toBeLessThan(15 * minute + 2 * late);
  expect(sentAt({ heldFromMs: day, heldForMs: 5 * 60 * minute }) - day).toBeGreaterThanOrEqual(
    5 * 60 * minute,
  );
});

test.each([
  ["22:00 to 08:00 across midnight", 1320, 480, "2026-11-17T23:30:00Z", "2026-11-18T08:00:00Z"],
  ["within one day", 600, 720, "2026-11-17T11:59:00Z", "2026-11-17T12:00:00Z"],
  ["outside of it", 1320, 480, "2026-11-17T12:00:00Z", null],
  ["none wanted", 480, 480, "2026-11-17T08:00:00Z", null],
])("quiet hours: %s", (_, quietFrom, quietTo, now, until) => {
  const end = endOfQuiet({ quietFrom, quietTo, timeZone: "UTC" }, new Date(now));
  expect(end?.toISOString() ?? null).toBe(until ? new Date(until).toISOString() : null);
});

test.each([
  ["clocks go forward during them", 1320, 480, "2026-03-08T04:00:00Z", "2026-03-08T12:00:00Z"],
  ["clocks go back during them", 1320, 480, "2026-11-01T03:00:00Z", "2026-11-01T13:00:00Z"],
  [
    "they end within the hour that the clocks skip",
    1320,
    150,
    "2026-03-08T04:00:00Z",
    "2026-03-08T07:30:00Z",
  ],
])("quiet hours in Toronto end by local wall-clock time, when %s", (_, quietFrom, quietTo, now, latest) => {
  let [moment, asked] = [new Date(now), 0];
  for (
    let end: Date | null;
    (end = endOfQuiet({ quietFrom, quietTo, timeZone: "America/Toronto" }, moment));
    asked++
  ) {
    expect(end > moment).toBe(true);
    moment = end;
  }
  expect(moment <= new Date(latest)).toBe(true);
  expect(asked).toBeLessThan(3);
});

test.each(["", "Mars/Olympus", "%", "UTC\u0000"])("an unknown time zone, %j, counts as UTC", (timeZone) => {
  const quiet = { quietFrom: 480, quietTo: 720, timeZone };
  expect(endOfQuiet(quiet, at(0))).toEqual(endOfQuiet({ ...quiet, timeZone: "UTC" }, at(0)));
  expect(decide({ ...facts, ...quiet }, at(20 * minute))).toMatchObject({ act: "wait" });
});

describe("a receipt", () => {
  const fixed: NoticeFacts = { ...facts, kind: "fixed", ended: true, present: "works", notified: true };
  test.each([
    ["goes to a person who was notified", {}, "send"],
    ["waits while the e-mail about the break may be on its way", { notified: null }, "wait"],
    ["does not go to a person who was not notified", { notified: false }, "cancel"],
    ["waits while a new break is unannounced", { present: "broken" as const }, "wait"],
    ["is canceled once a new break was announced", { present: "broken-and-notified" as const }, "cancel"],
    ["is canceled when the connection is gone", { present: "gone" as const }, "cancel"],
    ["does not depend on the brokerage", { held: "maintenance" }, "send"],
  ])("%s", (_, more, act) => {
    expect(decide({ ...fixed, ...more }, at(5 * minute)).act).toBe(act);
  });

  test("does not wait forever", () => {
    expect(decide({ ...fixed, present: "broken" }, at(day + minute)).act).toBe("cancel");
  });
});
