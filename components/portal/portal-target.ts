import { startConnect, startReconnect, startReconnectAll } from "@/lib/connections/actions";
import type { PortalView, RepairIntent } from "@/lib/connections/views";

/** What the Connection Portal is opened for. */
export type PortalTarget =
  | { kind: RepairIntent; connectionId: string; queueId?: string }
  | { kind: "queue" }
  | { kind: "connect"; brokerage: string; beside?: boolean };

/** The same target again; null if the connection to repair is gone. */
export function targetOf({ intent, connectionId, queue, brokerage }: PortalView): PortalTarget | null {
  if (intent === "connect") return { kind: "connect", brokerage: brokerage.slug, beside: true };
  return connectionId ? { kind: intent, connectionId, queueId: queue?.id } : null;
}

/** Requests a login link for the dialog. */
export function start(target: PortalTarget) {
  switch (target.kind) {
    case "reconnect":
    case "renew":
    case "allow-trading":
      return startReconnect({
        connectionId: target.connectionId,
        queueId: target.queueId,
        intent: target.kind,
      });
    case "queue":
      return startReconnectAll({});
    case "connect":
      return startConnect({ brokerage: target.brokerage, beside: target.beside ? "yes" : undefined });
  }
}

/** The target as form fields. */
export function fieldsOf(target: PortalTarget): Record<string, string> {
  if (target.kind === "queue") return {};
  if (target.kind === "connect")
    return { brokerage: target.brokerage, ...(target.beside ? { beside: "yes" } : {}) };
  const { connectionId, queueId } = target;
  return { connectionId, ...(queueId ? { queueId } : {}) };
}

/** One string that changes whenever anything in the result changes. */
export function summaryOf({ outcome, accountsBack }: PortalView): string {
  return `${outcome.state} ${outcome.state === "failed" ? outcome.failure : ""} ${accountsBack ? accountsBack.missing.length : "unknown"}`;
}

/** The page of ours where this target can be opened. */
export function placeOf(target: PortalTarget): string {
  if (target.kind === "queue") return "/connections";
  if (target.kind === "connect") return `/connections/new?brokerage=${target.brokerage}`;
  return `/connections/${target.connectionId}`;
}
