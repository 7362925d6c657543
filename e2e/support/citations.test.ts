import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { listTexts } from "./texts";

const page = "docs/snaptrade.md";
const facts = readFileSync(page, "utf8");

/** The numbers of its sections, of the facts under headings, and of the facts in tables. */
const sections = new Set(
  [...facts.matchAll(/^(?:#{2,3} |\| )(\d+(?:\.\d+)?) /gm)].map(([, number]) => number),
);

const texts = listTexts();

describe("citations of facts about SnapTrade", () => {
  test("every cited section of docs/snaptrade.md exists", () => {
    const cited = texts.flatMap(({ file, text }) =>
      [...text.matchAll(/§(\d+(?:\.\d+)?)/g)].map(([, number = ""]) => ({ file, number })),
    );
    expect(cited.length).toBeGreaterThan(0);
    expect(cited.filter(({ number }) => !sections.has(number))).toEqual([]);
  });

  test("no text cites facts outside the repository", () => {
    expect(texts.filter(({ text }) => /\bFACT[S]\b/.test(text)).map(({ file }) => file)).toEqual([]);
  });
});

describe("docs/snaptrade.md", () => {
  test("no number is used twice", () => {
    const numbers = [...facts.matchAll(/^(?:### |\| )(\d+\.\d+) /gm)].map(([, number]) => number);
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
  });

  test("every fact under a heading has a status", () => {
    const entries = facts.split(/^#{2,3} /m).filter((entry) => /^\d+\.\d+ /.test(entry));
    expect(
      entries
        .filter((entry) => !/\*(Documented|Measured|Reported):\*/.test(entry))
        .map((entry) => entry.split("\n")[0]),
    ).toEqual([]);
  });

  test("every source has an address and is cited", () => {
    const defined = new Set([...facts.matchAll(/^\[([^\]]+)\]: https:\/\//gm)].map(([, name]) => name));
    const body = facts.replace(/^\[[^\]]+\]: .*$/gm, "");
    const used = new Set(
      [...body.matchAll(/\[[^\]]+\]\[([^\]]+)\]|\[([^\]]+)\](?![[(])/g)].map(
        ([, name, alone]) => name ?? alone,
      ),
    );
    expect([...used].filter((name) => !defined.has(name))).toEqual([]);
    expect([...defined].filter((name) => !used.has(name))).toEqual([]);
  });
});
