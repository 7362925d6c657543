import { parse, toGamut, wcagContrast } from "culori";
import { expect, test } from "vitest";
import { brandCss, brandTokens, isColor } from "./brand";

const shown = toGamut("rgb", "oklch");
const seen = (color: string) => {
  const parsed = parse(color);
  if (!parsed) throw new Error(`${color} is not a color`);
  return shown(parsed);
};
const contrast = (one: string, other: string) => wcagContrast(seen(one), seen(other));

const brands: string[] = [
  "#5b5bf0",
  "#0a7d4b",
  "#c8102e",
  "#ffd000",
  "#222222",
  "#000",
  "#fff",
  "mintcream",
  "oklch(0.44 0.085 228)",
];
for (let l = 0.05; l <= 1; l += 0.1)
  for (let c = 0; c <= 0.3; c += 0.06)
    for (let h = 0; h < 360; h += 30) brands.push(`oklch(${l.toFixed(2)} ${c.toFixed(2)} ${h})`);

const grounds = ["canvas", "surface", "sunken"];
const texts = ["ink", "ink-2", "ink-3", "accent", "you", "good", "danger"];
const marks = ["you-mark", "good-mark", "theirs-mark", "field", "accent"];

test(`text has a contrast of 4.5:1 and glyphs 3:1 for each of ${brands.length} brand colors, light and dark`, () => {
  let worstText = 21;
  let worstMark = 21;
  for (const brand of brands) {
    for (const theme of ["light", "dark"] as const) {
      const token = brandTokens(brand, theme);
      const of = (name: string) => token[name] ?? "";
      for (const ground of grounds) {
        for (const text of texts) worstText = Math.min(worstText, contrast(of(text), of(ground)));
        for (const mark of marks)
          if (ground !== "sunken") worstMark = Math.min(worstMark, contrast(of(mark), of(ground)));
      }
      for (const [text, ground] of [
        ["on-fill", "fill"],
        ["on-fill", "fill-hover"],
        ["you", "you-soft"],
        ["good", "good-soft"],
        ["danger", "danger-soft"],
        ["ink", "accent-soft"],
      ] as const) {
        worstText = Math.min(worstText, contrast(of(text), of(ground)));
      }
    }
  }
  expect(worstText).toBeGreaterThanOrEqual(4.5);
  expect(worstMark).toBeGreaterThanOrEqual(3);
});

test("the CSS contains only literal colors", () => {
  expect(brandCss("#c8102e")).not.toMatch(/light-dark|from |NaN|undefined|none/);
});

test("a value that is not a color is rejected", () => {
  expect(isColor("larch green")).toBe(false);
});
