import type { ConnectionView } from "@/lib/connections/views";
import type { FixPageView } from "@/lib/fix-sessions/views";

/** The connections that a fix session has repaired or made. */
export const listDone = ({ session, connections }: FixPageView): ConnectionView[] =>
  connections.filter(({ id }) => session.doneIds.includes(id));
