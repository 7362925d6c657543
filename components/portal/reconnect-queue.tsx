import type { QueueView } from "@/lib/connections/views";
import { LinkGlyph, type GlyphName } from "../ui/link-glyph";
import { Tile } from "../ui/tile";
import type { PortalTarget } from "./portal-target";

const glyphs: Record<
  QueueView["entries"][number]["state"],
  { glyph: GlyphName; tone: string; label: string }
> = {
  waiting: { glyph: "needs", tone: "text-you-mark", label: "needs reconnecting" },
  current: { glyph: "reconnecting", tone: "text-accent", label: "reconnecting" },
  fixed: { glyph: "connected", tone: "text-good-mark", label: "connected" },
  skipped: { glyph: "needs", tone: "text-theirs-mark", label: "left for later" },
};

/** The connections to reconnect, in order, with the current step marked. */
export function ReconnectQueue({ queue, currentId }: { queue: QueueView; currentId: string | null }) {
  return (
    <ol className="-mx-3 mt-5 space-y-1">
      {queue.entries.map(({ connectionId, brokerage, state }) => {
        const { glyph, tone, label } = glyphs[state];
        const current = connectionId === currentId;
        return (
          <li
            key={connectionId}
            aria-current={current ? "step" : undefined}
            className={`flex items-center gap-3 rounded-button border px-3 py-2 ${current ? "border-line bg-surface font-semibold" : "border-transparent text-ink-2"}`}
          >
            <Tile brokerage={brokerage} size={24} />
            <span className="min-w-0 flex-1 truncate">{brokerage.name}</span>
            <LinkGlyph name={glyph} className={tone} />
            <span className="sr-only">{label}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** The connection after the current one: the first that is still waiting. */
export function nextInQueue(
  queue: QueueView | null,
  currentId: string | null,
): { name: string; target: PortalTarget } | null {
  const entry = queue?.entries.find(
    ({ connectionId, state }) => state === "waiting" && connectionId !== currentId,
  );
  return queue && entry
    ? {
        name: entry.brokerage.name,
        target: { kind: "reconnect", connectionId: entry.connectionId, queueId: queue.id },
      }
    : null;
}

/** "Reconnecting 1 of 2" */
export function stepLabel(queue: QueueView | null, currentId: string | null, done: boolean): string {
  if (!queue || queue.entries.length < 2) return done ? "Reconnected" : "Reconnecting";
  const place = queue.entries.findIndex(({ connectionId }) => connectionId === currentId) + 1;
  return `${done ? "Reconnected" : "Reconnecting"} ${place} of ${queue.entries.length}`;
}
