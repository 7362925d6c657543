import type { GlyphName } from "./link-glyph";

interface StripLink {
  id: string;
  name: string;
  glyph: GlyphName;
  tone: string;
  quietName?: boolean;
}

const solid = new Set<GlyphName>(["connected", "fresh", "maintenance", "degraded"]);

/** One stretched glyph per connection, as a picture of what the page also says in text. */
export function LinkStrip({ links, label }: { links: StripLink[]; label: string }) {
  return (
    <div role="img" aria-label={label} className="grid auto-cols-fr grid-flow-col gap-2 wide:gap-5">
      {links.map(({ id, name, glyph, tone, quietName }) => (
        <div key={id} className="min-w-0">
          <span className={`flex h-3.5 items-center ${tone}`}>
            <End kind={glyph === "removed" || glyph === "unknown" ? "ring" : "dot"} />
            <Middle glyph={glyph} />
            <End kind={solid.has(glyph) ? "dot" : "ring"} />
          </span>
          <span
            className={`mt-1.5 hidden truncate text-label wide:block ${quietName ? "text-ink-2" : tone.replace("-mark", "")}`}
          >
            {name}
          </span>
        </div>
      ))}
    </div>
  );
}

function End({ kind }: { kind: "dot" | "ring" }) {
  return (
    <svg width="9" height="9" viewBox="0 0 9 9" className="shrink-0">
      {kind === "dot" ? (
        <circle cx="4.5" cy="4.5" r="4" fill="currentColor" />
      ) : (
        <circle cx="4.5" cy="4.5" r="3.25" fill="none" stroke="currentColor" strokeWidth="1.75" />
      )}
    </svg>
  );
}

function Line({ dashes }: { dashes?: string }) {
  return (
    <svg height="4" className="min-w-0 flex-1" width="100%">
      <line
        x1="0"
        y1="2"
        x2="100%"
        y2="2"
        stroke="currentColor"
        strokeWidth="1.75"
        strokeDasharray={dashes}
      />
    </svg>
  );
}

function Middle({ glyph }: { glyph: GlyphName }) {
  switch (glyph) {
    case "needs":
      return (
        <>
          <Line />
          <span className="w-3" />
          <Line />
        </>
      );
    case "reconnecting":
      return (
        <>
          <Line />
          <Line dashes="5 4" />
        </>
      );
    case "removing":
      return <Line dashes="4 6" />;
    case "verifying":
    case "unknown":
      return <Line dashes="1.5 5" />;
    case "removed":
    case "unsupported":
      return glyph === "removed" ? (
        <span className="flex-1" />
      ) : (
        <>
          <Line />
          <span className="flex-1" />
        </>
      );
    case "maintenance":
      return (
        <>
          <Line />
          <svg
            width="16"
            height="12"
            viewBox="0 0 16 12"
            stroke="currentColor"
            strokeWidth="1.75"
            strokeLinecap="round"
            className="shrink-0"
          >
            <path d="M5.5 2v8M10.5 2v8" />
          </svg>
          <Line />
        </>
      );
    case "degraded":
      return (
        <>
          <Line />
          <svg
            width="24"
            height="12"
            viewBox="8 1 24 14"
            fill="none"
            stroke="currentColor"
            strokeWidth="2"
            className="shrink-0"
          >
            <path d="M8 8h2.5c2.4 0 2.4-4 4.75-4s2.4 8 4.75 8 2.4-8 4.75-8 2.4 4 4.75 4H32" />
          </svg>
          <Line />
        </>
      );
    default:
      return <Line />;
  }
}
