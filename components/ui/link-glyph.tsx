import type { ReactNode } from "react";

const dotA = <circle cx="4" cy="8" r="4" fill="currentColor" stroke="none" />;
const dotZ = <circle cx="36" cy="8" r="4" fill="currentColor" stroke="none" />;
const ringZ = <circle cx="36" cy="8" r="3" />;
const faintZ = <circle cx="36" cy="8" r="3" opacity="0.55" />;
const ringA = <circle cx="4" cy="8" r="3" />;
const dots = (width: number, ...places: number[]) =>
  places.map((x) => <circle key={x} cx={x} cy="8" r={width / 2} fill="currentColor" stroke="none" />);

/** A connection as a line between two dots: whole, broken, paused, fading, dotted. */
const drawings = {
  connected: [dotA, dotZ, <path key="line" d="M4 8h32" />],
  needs: [dotA, ringZ, <path key="line" d="M4 8h11.5M24.5 8H33" />],
  reconnecting: [dotA, ringZ, <path key="line" d="M4 8h14M22 8h2.5M27.5 8H30" />],
  verifying: [dotA, ringZ, dots(3.5, 12.5, 20, 27.5)],
  fresh: [dotA, dotZ, <path key="line" d="M4 8h7.5M28.5 8H36M15 8.2l3.6 3.6L25.4 5" />],
  maintenance: [dotA, dotZ, <path key="line" d="M4 8h9M27 8h9M17.5 4v8M22.5 4v8" />],
  degraded: [
    dotA,
    dotZ,
    <path key="line" d="M4 8h6.5c2.4 0 2.4-4 4.75-4s2.4 8 4.75 8 2.4-8 4.75-8 2.4 4 4.75 4H36" />,
  ],
  unsupported: [dotA, faintZ, <path key="line" d="M4 8h16M20.5 3v10" />],
  removing: [dotA, faintZ, <path key="line" d="M11 8h5M20 8h3M27 8h1" />],
  removed: [ringA, faintZ],
  unknown: [ringA, ringZ, dots(2.2, 12, 17.3, 22.6, 28)],
} satisfies Record<string, ReactNode[]>;

export type GlyphName = keyof typeof drawings;

/** Defines every drawing once per page; each LinkGlyph refers to one. */
export function GlyphSheet() {
  return (
    <svg width="0" height="0" aria-hidden="true" className="absolute">
      {Object.entries(drawings).map(([name, drawing]) => (
        <symbol
          key={name}
          id={`link-${name}`}
          viewBox="0 0 40 16"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          strokeLinecap="round"
        >
          {drawing.map((part, index) => (
            <g key={index}>{part}</g>
          ))}
        </symbol>
      ))}
    </svg>
  );
}

/** Hidden from screen readers; always shown next to a label that says the same. */
export function LinkGlyph({ name, className = "" }: { name: GlyphName; className?: string }) {
  return (
    <svg width="34" height="14" viewBox="0 0 40 16" aria-hidden="true" className={`shrink-0 ${className}`}>
      <use href={`#link-${name}`} />
    </svg>
  );
}
