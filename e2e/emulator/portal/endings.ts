import type { Settings } from "../world/settings";
import type { Ending, PortalSession, World } from "../world/model";

/** What the portal posts to the window around it, in the configured form (docs/snaptrade.md §4.8, §4.9). */
export function messagesFor(settings: Settings, ending: Ending): unknown[] {
  const wantsObject = settings.messages !== "string";
  const wantsString = settings.messages !== "object";
  const object = wantsObject ? [messageObject(settings, ending)] : [];
  const legacy = ending.kind === "success" ? `SUCCESS:${ending.connectionId}` : `ERROR:${ending.status}`;
  return wantsString ? [...object, legacy] : object;
}

function messageObject(settings: Settings, ending: Ending): object {
  if (ending.kind === "success") {
    return settings.omitAuthorizationId
      ? { status: "SUCCESS" }
      : { status: "SUCCESS", authorizationId: ending.connectionId };
  }
  const statusCode = settings.statusCodeAs === "number" ? ending.status : String(ending.status);
  return { status: "ERROR", errorCode: ending.code, statusCode, detail: ending.detail };
}

/** Where the user goes after this ending (null if they left), or null if there is nowhere to go. */
export function returnUrl(world: World, session: PortalSession, ending: Ending | null): string | null {
  const target = session.wanted.customRedirect ?? world.partner.redirectUri;
  if (!target) return null;
  const settings = world.settingsOf(world.users.get(session.userId));
  if (ending === null && settings.cancelWithoutStatus) return target;
  return appendQuery(target, returnParameters(ending), settings.joinWith);
}

function returnParameters(ending: Ending | null): string {
  if (ending === null) return "status=ABANDONED";
  if (ending.kind === "success") return `status=SUCCESS&connection_id=${ending.connectionId}`;
  return `status=ERROR&status_code=${ending.status}&error_code=${ending.code}`;
}

function appendQuery(target: string, query: string, joinWith: Settings["joinWith"]): string {
  const cut = target.indexOf("#");
  const [base, fragment] = cut < 0 ? [target, ""] : [target.slice(0, cut), target.slice(cut)];
  return `${base}${base.includes("?") ? joinWith : "?"}${query}${fragment}`;
}
