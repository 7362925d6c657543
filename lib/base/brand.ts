import { clampRgb, converter, formatHex, parse } from "culori";

type Theme = "light" | "dark";

interface Oklch {
  l: number;
  c: number;
  h: number;
}

const toOklch = converter("oklch");
const clamp = (low: number, value: number, high: number) => Math.min(high, Math.max(low, value));

/** Whether this is a color in any CSS notation. */
export const isColor = (color: string): boolean => toOklch(parse(color)) !== undefined;

/**
 * Parses a partner's brand color in any CSS notation.
 * @throws RangeError if it isn't one
 */
function parseBrandColor(color: string): Oklch {
  const parsed = toOklch(parse(color));
  if (!parsed) throw new RangeError("Not a CSS color");
  return { l: parsed.l, c: parsed.c, h: parsed.h ?? 0 };
}

/**
 * Above this lightness, white text is unreadable on the color, so the color stays as it is and gets dark
 * text.
 */
const brightFrom = 0.72;

/** Status colors, which no partner can change: whose turn it is, and what is confirmed. */
const roles: Record<Theme, Record<string, string>> = {
  light: {
    you: "oklch(0.475 0.098 62)",
    "you-mark": "oklch(0.64 0.145 62)",
    "you-soft": "oklch(0.968 0.028 82)",
    good: "oklch(0.445 0.09 158)",
    "good-mark": "oklch(0.585 0.115 158)",
    "good-soft": "oklch(0.966 0.022 160)",
    danger: "oklch(0.485 0.165 27)",
    "danger-soft": "oklch(0.968 0.016 25)",
    scrim: "oklch(0.22 0.02 240 / 0.38)",
  },
  dark: {
    you: "oklch(0.845 0.115 80)",
    "you-mark": "oklch(0.79 0.14 74)",
    "you-soft": "oklch(0.275 0.04 70)",
    good: "oklch(0.825 0.11 160)",
    "good-mark": "oklch(0.74 0.125 160)",
    "good-soft": "oklch(0.262 0.034 160)",
    danger: "oklch(0.79 0.115 25)",
    "danger-soft": "oklch(0.27 0.045 25)",
    scrim: "oklch(0.08 0.01 240 / 0.52)",
  },
};

/** Lightness, and the maximum chroma that the partner's hue may add. */
const neutrals: Record<Theme, Record<string, [number, number]>> = {
  light: {
    canvas: [0.982, 0.003],
    sunken: [0.962, 0.005],
    line: [0.905, 0.006],
    "line-strong": [0.8, 0.01],
    field: [0.62, 0.014],
    ink: [0.225, 0.022],
    "ink-2": [0.425, 0.018],
    "ink-3": [0.515, 0.016],
    "accent-soft": [0.955, 0.014],
    "theirs-mark": [0.58, 0.018],
  },
  dark: {
    canvas: [0.172, 0.01],
    surface: [0.212, 0.012],
    sunken: [0.15, 0.01],
    line: [0.3, 0.014],
    "line-strong": [0.42, 0.016],
    field: [0.54, 0.016],
    ink: [0.95, 0.006],
    "ink-2": [0.77, 0.01],
    "ink-3": [0.66, 0.012],
    "accent-soft": [0.285, 0.035],
    "theirs-mark": [0.62, 0.016],
  },
};

const literal = (l: number, c: number, h: number) => `oklch(${round(l)} ${round(c)} ${round(h)})`;
const round = (value: number) => Number(value.toFixed(4));

/** All colors of one theme, derived from the partner's color; each is an oklch() or hex literal. */
export function brandTokens(brandColor: string, theme: Theme): Record<string, string> {
  const { l, c, h } = parseBrandColor(brandColor);
  const tokens: Record<string, string> = theme === "light" ? { surface: "#fff" } : {};
  for (const [name, [lightness, chroma]] of Object.entries(neutrals[theme]))
    tokens[name] = literal(lightness, Math.min(c, chroma), h);
  tokens.accent =
    theme === "light"
      ? literal(clamp(0.34, l, 0.49), Math.min(c, 0.16), h)
      : literal(clamp(0.78, l + 0.36, 0.86), Math.min(c, 0.11), h);
  return { ...tokens, ...fill({ l, c, h }, theme), ...roles[theme] };
}

function fill({ l, c, h }: Oklch, theme: Theme): Record<string, string> {
  if (l > brightFrom) {
    const lightness = clamp(0.78, l, 0.92);
    const chroma = Math.min(c, 0.18);
    return {
      fill: literal(lightness, chroma, h),
      "fill-hover": literal(lightness - 0.05, chroma, h),
      "on-fill": literal(0.2, Math.min(c, 0.03), h),
    };
  }
  const [lightness, chroma] =
    theme === "light" ? [clamp(0.34, l, 0.49), Math.min(c, 0.16)] : [clamp(0.48, l, 0.51), Math.min(c, 0.15)];
  return {
    fill: literal(lightness, chroma, h),
    "fill-hover": literal(lightness - 0.05, chroma, h),
    "on-fill": "#fff",
  };
}

/** The button colors for e-mails, where only hex colors are supported. */
export function mailColors(brandColor: string): { fill: string; onFill: string } {
  const tokens = brandTokens(brandColor, "light");
  const hex = (name: string) => {
    const color = parse(tokens[name] ?? "");
    return color ? formatHex(clampRgb(color)) : "#000000";
  };
  return { fill: hex("fill"), onFill: hex("on-fill") };
}

/**
 * The colors of every page as CSS: light by default, dark if the system is dark, and stronger lines if the
 * reader asks for more contrast. Literals only, because browsers without relative colors would show black on
 * white.
 * @throws RangeError like parseBrandColor
 */
export function brandCss(brandColor: string): string {
  const block = (theme: Theme) =>
    Object.entries(brandTokens(brandColor, theme))
      .map(([name, value]) => `--${name}:${value}`)
      .join(";");
  return [
    `:root{color-scheme:light dark;${block("light")}}`,
    `@media (prefers-color-scheme:dark){:root{${block("dark")}}}`,
    `@media (prefers-contrast:more){:root{--line:var(--field);--line-strong:var(--field)}}`,
  ].join("\n");
}
