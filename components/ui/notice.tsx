import type { ReactNode } from "react";

/** A sentence about what could not be done; announced without interrupting. */
export function Notice({ children }: { children: ReactNode }) {
  return (
    <p role="status" className="rounded-card border border-line bg-surface px-4 py-3 text-body text-ink">
      {children}
    </p>
  );
}
