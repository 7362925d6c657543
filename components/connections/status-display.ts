import type { ConnectionStatus } from "@/lib/connections/views";
import type { GlyphName } from "@/components/ui/link-glyph";

/** How each status is drawn; `word` is null where it depends on the time of the last look. */
export const statusDisplay: Record<
  ConnectionStatus,
  { word: string | null; glyph: GlyphName; mark: string; text: string }
> = {
  removed: { word: "Removed", glyph: "removed", mark: "text-theirs-mark", text: "text-ink-2" },
  removing: { word: "Being removed", glyph: "removing", mark: "text-theirs-mark", text: "text-ink-2" },
  "unknown-connected": { word: null, glyph: "unknown", mark: "text-theirs-mark", text: "text-ink-2" },
  "unknown-disabled": {
    word: "Needed reconnecting",
    glyph: "unknown",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  unsupported: {
    word: "No longer supported",
    glyph: "unsupported",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  verifying: { word: "Checking", glyph: "verifying", mark: "text-accent", text: "text-accent" },
  reconnecting: { word: "Reconnecting", glyph: "reconnecting", mark: "text-accent", text: "text-accent" },
  "disabled-maintenance": {
    word: "Brokerage maintenance",
    glyph: "maintenance",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  "disabled-incident": {
    word: "Needs reconnecting",
    glyph: "needs",
    mark: "text-you-mark",
    text: "text-you",
  },
  disabled: { word: "Needs reconnecting", glyph: "needs", mark: "text-you-mark", text: "text-you" },
  maintenance: {
    word: "Brokerage maintenance",
    glyph: "maintenance",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  degraded: {
    word: "Trouble at the brokerage",
    glyph: "degraded",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  fresh: { word: "Reconnected", glyph: "fresh", mark: "text-good-mark", text: "text-good" },
  connected: { word: "Connected", glyph: "connected", mark: "text-good-mark", text: "text-ink" },
};
