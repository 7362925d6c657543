import { expect, test } from "vitest";
import { listTexts } from "./texts";

/** Words that this project has given up, and what it says now; docs/glossary.md explains those. */
const givenUp: [word: RegExp, now: string][] = [
  [/\btrips?\b|\w[a-z]Trips?\b|\bTrips?\b/, "portal session"],
  [/\bwish(es|ed)?\b|[a-z]Wish\b/, "intent"],
  [/\bwaves?\b|[a-z]Waves?\b/, "incident"],
  [/\bbeats?\b|\bbeat[A-Z_]|_beat_|[a-z]Beats?\b/, "heartbeat"],
  [/\btold\b|\btold[A-Z]|[a-z]Told\b/, "notified, observed, answered, or announced"],
  [/\bnote[A-Z]\w*\(/, "record…"],
  [/\bsettles?\b|\bsettled\b|\bsettle[A-Z]/, "close a session, resolve a promise"],
  [/\bburied\b/, "dead"],
  [/\bmost[A-Z]\w*/, "max…"],
  [/\bdoes(?=[:?] *"|: )|\bdrawn\[/, "action, statusDisplay"],
  [/next_?attempt_?at/i, "runAt, lockedUntil"],
  [/kept_?beside|opens_?window|gone_?why|attempt_?result/i, "a name that needs no comment"],
  [
    /python-json|one-at-a-time|some-at-once|oneAtATime|someAtOnce/,
    "canonical-json, coalesce, forEachConcurrently",
  ],
  [/tell-?when-?back|ask-?when-?back/i, "notifyWhenBack"],
  // As a stored value, and as the name of a count, it stays.
  [/(?<!\.)\bcancell(ed|ing)\b(?=$|[ .;]|, [a-z])(?! =)/i, "canceled, as Americans spell it"],
];

/** Names of other people's: axios's own function, and a brokerage's. */
const exempt = ["e2e/support/words.test.ts", "docs/glossary.md", "lib/db/migrations.test.ts"];

/** Our own words. Elsewhere, SnapTrade or a company in a test may speak of customers. */
const isOurs = (file: string) =>
  /^(app|components|lib|public)\//.test(file) && !/\.test\.ts$|^lib\/testing\//.test(file);

test("nothing that we show, or write for ourselves, calls a person a customer", () => {
  const found = listTexts()
    .filter(({ file }) => isOurs(file))
    .flatMap(({ file, text }) =>
      text
        .split("\n")
        .flatMap((line, index) => (/customer/i.test(line) ? [`${file}:${index + 1} ${line}`] : [])),
    );
  expect(found, "say person").toEqual([]);
});

test.each(givenUp)("nothing says %s anymore", (word, now) => {
  const found = listTexts()
    .filter(({ file }) => !exempt.includes(file) && !file.startsWith("drizzle/"))
    .flatMap(({ file, text }) =>
      text
        .replaceAll(/allSettled|PromiseSettledResult|LinkStrip|StripLink/g, "")
        .split("\n")
        .flatMap((line, index) =>
          word.test(line) ? [`${file}:${index + 1} ${line.trim().slice(0, 90)}`] : [],
        ),
    );
  expect(found, `say ${now}`).toEqual([]);
});
