import type { ReactNode, SyntheticEvent } from "react";
import { fieldsOf, type PortalTarget } from "./portal-target";

interface Props {
  target: PortalTarget;
  onSubmit?: (event: SyntheticEvent) => void;
  className?: string;
  children: ReactNode;
}

/** The way to the Connection Portal as a page of its own; needs no script. */
export function PortalForm({ target, onSubmit, className, children }: Props) {
  return (
    <form action="/portal/open" method="post" onSubmit={onSubmit} className={className}>
      {Object.entries({ kind: target.kind, ...fieldsOf(target) }).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {children}
    </form>
  );
}
