import type { ReactNode } from "react";

/** A sentence above the page about what was or couldn't be done; announced politely. */
export function Notice({ children }: { children: ReactNode }) {
  return (
    <p
      role="status"
      className="mb-6 rounded-card border border-line bg-surface px-4 py-3 text-body text-ink wide:mb-10"
    >
      {children}
    </p>
  );
}
