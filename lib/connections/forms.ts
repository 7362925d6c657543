import "server-only";
import { withError, type ActionResult } from "@/lib/action";
import { skipEntry, startConnect, startFix, startReconnect, startReconnectAll } from "./actions";
import type { OpenedPortal, RepairIntent } from "./views";

type OpenedInPage = { loginLink: string; brokerage: string } | { errorPage: string };

type Fields = Partial<Record<string, string>>;
type Result = ActionResult<OpenedPortal>;

/**
 * Opens the Connection Portal as a full page, for a form of this `kind`.
 * @returns the login link, which may only go into the response to this click, or the page of ours that
 * explains the failure
 */
export async function openInPage({ kind = "", ...fields }: Fields): Promise<OpenedInPage> {
  const opening = Object.hasOwn(ways, kind) ? ways[kind] : undefined;
  if (!opening) return { errorPage: "/connections" };
  const { result, otherwise } = await opening(fields);
  if (!result.ok)
    return {
      // A fix session's own page explains how to go on signed out, even to someone without a sign-in here.
      errorPage:
        result.code === "already-connected" || (kind === "fix" && result.code === "signed-out")
          ? otherwise
          : withError(otherwise, result),
    };
  return { loginLink: result.data.loginLink, brokerage: result.data.view.brokerage.name };
}

/** How each kind of form opens the portal, and which page to show if it can't. */
const ways: Partial<Record<string, (fields: Fields) => Promise<{ result: Result; otherwise: string }>>> = {
  reconnect: (fields) => repair("reconnect", fields),
  renew: (fields) => repair("renew", fields),
  "allow-trading": (fields) => repair("allow-trading", fields),
  connect: async ({ brokerage = "", beside }) => {
    const result = await startConnect({ brokerage, beside: beside === "yes" ? "yes" : undefined });
    const chosen = `/connections/new?brokerage=${encodeURIComponent(brokerage)}`;
    return {
      result,
      otherwise: !result.ok && result.code === "already-connected" ? chosen : "/connections/new",
    };
  },
  fix: async ({ fixSessionId = "", ...fields }) => {
    const { connectionId, queueId, skipped, brokerage, beside } = fields;
    const result = await startFix({
      fixSessionId,
      connectionId: connectionId || undefined,
      skip: queueId && skipped ? { queueId, connectionId: skipped } : undefined,
      brokerage: brokerage || undefined,
      beside: beside === "yes" ? "yes" : undefined,
    });
    const page = `/fix-sessions/${encodeURIComponent(fixSessionId)}`;
    const chosen = `${page}?brokerage=${encodeURIComponent(brokerage ?? "")}`;
    return { result, otherwise: !result.ok && result.code === "already-connected" ? chosen : page };
  },
  queue: async () => ({ result: await startReconnectAll({}), otherwise: "/connections" }),
  skip: async ({ queueId = "", connectionId = "" }) => {
    const skipped = await skipEntry({ queueId, connectionId });
    return { result: skipped.ok ? await startReconnectAll({}) : skipped, otherwise: "/connections" };
  },
};

async function repair(intent: RepairIntent, { connectionId = "", queueId }: Fields) {
  return {
    result: await startReconnect({ connectionId, queueId: queueId || undefined, intent }),
    otherwise: `/connections/${encodeURIComponent(connectionId)}`,
  };
}
