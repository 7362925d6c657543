import type { ReactNode } from "react";
import { Icon } from "./icon";

export function Disclosure({
  title,
  detail,
  open = false,
  children,
}: {
  title: string;
  detail?: string;
  open?: boolean;
  children: ReactNode;
}) {
  return (
    <details name="about" open={open} className="group border-b border-line first:border-t">
      <summary className="flex min-h-11 items-center justify-between gap-3 py-2 font-semibold">
        <span>
          {title}
          {detail && <span className="ml-2 font-normal text-ink-3">{detail}</span>}
        </span>
        <Icon name="chevron-down" className="text-ink-3 transition-transform group-open:rotate-180" />
      </summary>
      <div className="pb-5 text-ink-2">{children}</div>
    </details>
  );
}
