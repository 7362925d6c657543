"use client";

import { useConnections, type Connection } from "./use-connections";

/** Says which connections need the person, with a button to repair them. Shows nothing while none does. */
export function ConnectionBanner({ route, className = "" }: { route?: string; className?: string }) {
  const { connections, opening, open } = useConnections(route);
  return (
    // Always there, so that screen readers announce what appears in it.
    <div role="status">
      {connections.length > 0 && (
        <section
          aria-label="Connections that need you"
          className={`border-border bg-card text-card-foreground flex flex-wrap items-center gap-x-4 gap-y-3 rounded-lg border px-5 py-4 ${className}`}
        >
          <BrokenLink />
          <div className="min-w-48 flex-1">
            <p className="font-semibold">{headlineOf(connections)}</p>
            <p className="text-muted-foreground text-sm">
              {opening === "failed"
                ? "The page couldn’t be opened. Nothing was changed; please try again."
                : `${namesOf(connections)} stopped sharing data. Signing in again keeps your accounts and history.`}
            </p>
          </div>
          <button
            type="button"
            aria-disabled={opening === "opening"}
            onClick={() => void open()}
            className="bg-primary text-primary-foreground min-h-10 rounded-md px-4 text-sm font-semibold hover:opacity-90 aria-disabled:opacity-60 max-sm:w-full"
          >
            {opening === "opening" ? "Opening…" : labelOf(connections)}
          </button>
        </section>
      )}
    </div>
  );
}

const headlineOf = (connections: Connection[]) =>
  connections.length === 1
    ? `Your ${connections[0]?.brokerage} connection needs you`
    : `${connections.length} connections need you`;

const namesOf = (connections: Connection[]) =>
  new Intl.ListFormat("en").format(new Set(connections.map(({ brokerage }) => brokerage)));

const labelOf = ({ length }: Connection[]) =>
  length === 1 ? "Reconnect" : length === 2 ? "Reconnect both" : `Reconnect all ${length}`;

function BrokenLink() {
  return (
    <svg
      aria-hidden
      viewBox="0 0 40 16"
      className="text-amber-600 dark:text-amber-400 w-10 max-sm:mt-1 max-sm:self-start"
    >
      <g fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round">
        <circle cx="4" cy="8" r="3" fill="currentColor" />
        <path d="M4 8h11.5M24.5 8H33" />
        <circle cx="36" cy="8" r="3" />
      </g>
    </svg>
  );
}
