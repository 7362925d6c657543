import { startConnect, startReconnect, startReconnectAll } from "@/lib/connections/actions";
import type { PortalView, PortalWish } from "@/lib/connections/views";

/** What a trip to the Connection Portal is for. */
export type PortalTarget =
  | { kind: "reconnect"; connectionId: string; queueId?: string; wish?: PortalWish }
  | { kind: "queue" }
  | { kind: "connect"; brokerage: string; beside?: boolean };

/** The same trip once more; null when the connection that it was to repair is gone. */
export function targetOf({ intent, connectionId, queue, wish, brokerage }: PortalView): PortalTarget | null {
  if (intent === "connect") return { kind: "connect", brokerage: brokerage.slug, beside: true };
  return connectionId ? { kind: "reconnect", connectionId, queueId: queue?.id, wish: wish ?? undefined } : null;
}

/** Asks for the login link, for the dialog. */
export function start(target: PortalTarget) {
  switch (target.kind) {
    case "reconnect":
      return startReconnect({ connectionId: target.connectionId, queueId: target.queueId, wish: target.wish });
    case "queue":
      return startReconnectAll({});
    case "connect":
      return startConnect({ brokerage: target.brokerage, beside: target.beside ? "yes" : undefined });
  }
}

/** The same as the fields of a form. */
export function fieldsOf(target: PortalTarget): Record<string, string> {
  if (target.kind === "queue") return {};
  if (target.kind === "connect") return { brokerage: target.brokerage, ...(target.beside ? { beside: "yes" } : {}) };
  const { connectionId, queueId, wish } = target;
  return { connectionId, ...(queueId ? { queueId } : {}), ...(wish ? { wish } : {}) };
}

/** Everything of a result that can still change, in one word. */
export function summaryOf({ outcome, accountsBack }: PortalView): string {
  return `${outcome.state} ${outcome.state === "failed" ? outcome.failure : ""} ${accountsBack ? accountsBack.missing.length : "unknown"}`;
}
