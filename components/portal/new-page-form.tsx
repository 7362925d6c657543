import type { PortalView } from "@/lib/connections/views";
import { PortalForm } from "./portal-form";
import { targetOf } from "./portal-target";

/** Opens the portal for the same target as a full page, with its own login link. */
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
