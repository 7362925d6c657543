import type { ConnectionStatus } from "@/lib/connections/views";
import type { GlyphName } from "@/components/ui/link-glyph";

/** How each status is shown; `label` is null where it depends on the time of the last look. */
export const statusDisplay: Record<
  ConnectionStatus,
  { label: string | null; glyph: GlyphName; mark: string; text: string }
> = {
  removed: { label: "Removed", glyph: "removed", mark: "text-theirs-mark", text: "text-ink-2" },
  removing: { label: "Being removed", glyph: "removing", mark: "text-theirs-mark", text: "text-ink-2" },
  "unknown-connected": { label: null, glyph: "unknown", mark: "text-theirs-mark", text: "text-ink-2" },
  "unknown-disabled": {
    label: "Needed reconnecting",
    glyph: "unknown",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  unsupported: {
    label: "No longer supported",
    glyph: "unsupported",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  verifying: { label: "Checking", glyph: "verifying", mark: "text-accent", text: "text-accent" },
  reconnecting: { label: "Reconnecting", glyph: "reconnecting", mark: "text-accent", text: "text-accent" },
  "disabled-maintenance": {
    label: "Brokerage maintenance",
    glyph: "maintenance",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  "disabled-incident": {
    label: "Needs reconnecting",
    glyph: "needs",
    mark: "text-you-mark",
    text: "text-you",
  },
  disabled: { label: "Needs reconnecting", glyph: "needs", mark: "text-you-mark", text: "text-you" },
  maintenance: {
    label: "Brokerage maintenance",
    glyph: "maintenance",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  degraded: {
    label: "Trouble at the brokerage",
    glyph: "degraded",
    mark: "text-theirs-mark",
    text: "text-ink-2",
  },
  fresh: { label: "Reconnected", glyph: "fresh", mark: "text-good-mark", text: "text-good" },
  connected: { label: "Connected", glyph: "connected", mark: "text-good-mark", text: "text-ink" },
};
