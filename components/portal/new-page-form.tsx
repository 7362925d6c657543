import type { PortalView } from "@/lib/connections/views";
import { PortalForm } from "./portal-form";
import { targetOf } from "./portal-target";

/** The same trip as a page of its own, with a link of its own. */
export function NewPageForm({ view }: { view: PortalView }) {
  const target = targetOf(view);
  if (!target) return null;
  return (
    <PortalForm target={target} className="inline">
      <button
        type="submit"
        className="min-h-6 text-accent underline decoration-line-strong underline-offset-4"
      >
        Open in a new page
      </button>
    </PortalForm>
  );
}
