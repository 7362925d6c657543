import type { ReactNode } from "react";

/** Labels and values, with a hairline between rows. */
export function Receipt({ rows }: { rows: { label: string; value: ReactNode }[] }) {
  return (
    <dl className="border-t border-line text-body">
      {rows.map(({ label, value }) => (
        <div key={label} className="flex items-baseline justify-between gap-4 border-b border-line py-2">
          <dt className="text-ink-2">{label}</dt>
          <dd className="digits text-right font-semibold">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
