import { isShadow } from "@/lib/base/mode";

/** Under the header of every page in shadow mode: why nothing can be repaired here. */
export function ShadowNote({ className }: { className: string }) {
  if (!isShadow()) return null;
  return (
    <div
      role="note"
      aria-label="Shadow mode"
      className="border-t border-line bg-sunken text-small text-ink-2"
    >
      <p className={`mx-auto px-4 py-2 wide:px-6 ${className}`}>
        <strong className="font-semibold text-ink">Shadow mode.</strong> For now, connections are only
        watched: repairs and messages are off.
      </p>
    </div>
  );
}
