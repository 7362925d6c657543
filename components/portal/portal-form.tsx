import type { ReactNode, SyntheticEvent } from "react";
import { fieldsOf, type PortalTarget } from "./portal-target";

interface Props {
  target: PortalTarget;
  onSubmit?: (event: SyntheticEvent) => void;
  className?: string;
  children: ReactNode;
}

/** Opens the Connection Portal as a full page; works without JavaScript. */
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
