import type { ReactNode } from "react";
import { PartnerMark } from "./partner-mark";

export type FigureState = "checking" | "fixed" | "different" | "gap" | "trouble" | "empty";

const tones: Record<FigureState, string> = {
  checking: "text-accent",
  fixed: "text-good-mark",
  different: "text-you-mark",
  gap: "text-you-mark",
  trouble: "text-theirs-mark",
  empty: "text-ink-3",
};

/** A large picture of the link between the partner and a brokerage; the text next to it says the same. */
export function LinkFigure({ state, tile }: { state: FigureState; tile: ReactNode }) {
  return (
    <div aria-hidden="true" className="flex w-full items-center gap-2.5">
      <PartnerMark size={state === "empty" ? 56 : 44} />
      <span className={`flex min-w-0 flex-1 items-center ${tones[state]}`}>
        <Dot hollow={state === "empty"} />
        <Span state={state} part="before" />
        <Middle state={state} />
        <Span state={state} part="after" />
        <Dot hollow={state !== "fixed" && state !== "trouble"} />
      </span>
      {tile}
    </div>
  );
}

function Dot({ hollow }: { hollow: boolean }) {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" className="shrink-0">
      {hollow ? (
        <circle cx="5" cy="5" r="3.75" fill="none" stroke="currentColor" strokeWidth="2" />
      ) : (
        <circle cx="5" cy="5" r="5" fill="currentColor" />
      )}
    </svg>
  );
}

function Span({ state, part }: { state: FigureState; part: "before" | "after" }) {
  return (
    <svg
      height="6"
      width="100%"
      className={`min-w-0 flex-1 ${state === "checking" && part === "after" ? "opacity-50" : ""}`}
    >
      <line
        x1={part === "before" ? "0" : "100%"}
        x2={part === "before" ? "100%" : "0"}
        y1="3"
        y2="3"
        stroke="currentColor"
        strokeWidth="2"
        pathLength={state === "fixed" ? 1 : undefined}
        className={state === "fixed" ? "closing" : undefined}
        strokeDasharray={state === "empty" ? "2 6" : undefined}
        strokeLinecap={state === "empty" ? "round" : undefined}
      />
    </svg>
  );
}

function Middle({ state }: { state: FigureState }) {
  const common = {
    fill: "none",
    stroke: "currentColor",
    strokeWidth: 2,
    strokeLinecap: "round" as const,
    strokeLinejoin: "round" as const,
  };
  switch (state) {
    case "checking":
      return (
        <svg width="44" height="12" viewBox="0 0 44 12" className="asking shrink-0" fill="currentColor">
          {[9, 17.5, 26, 34.5].map((x) => (
            <circle key={x} cx={x} cy="6" r="1.75" />
          ))}
        </svg>
      );
    case "fixed":
      return (
        <svg width="36" height="20" viewBox="0 0 36 20" className="shrink-0" {...common}>
          <path d="m12 10 4.5 4.5L25 6" />
        </svg>
      );
    case "different":
      return (
        <svg width="40" height="20" viewBox="0 0 40 20" className="shrink-0" {...common}>
          <path d="m16 6 8 8M24 6l-8 8" />
        </svg>
      );
    case "gap":
      return <span className="w-7 shrink-0" />;
    case "trouble":
      return (
        <svg width="36" height="16" viewBox="0 0 36 16" className="shrink-0" {...common}>
          <path d="M0 8h4c4 0 4-5 7-5s4 10 7 10 4-10 7-10 3 5 7 5h4" />
        </svg>
      );
    default:
      return null;
  }
}
