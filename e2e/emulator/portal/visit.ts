import type { Context } from "hono";
import { html } from "hono/html";
import type { Ending, ListedBrokerage, PortalSession, World } from "../world/model";
import { attemptSignIn } from "./attempt";
import { messagesFor, returnUrl } from "./endings";
import { type Frame, type Html, portalPage, type View } from "./layout";
import * as screens from "./screens";
import { expiredEnding } from "./session";

interface Visit {
  c: Context;
  world: World;
  session: PortalSession;
  view: View;
}

export type Here = Visit & {
  /** A portal URL within this session that keeps its display mode. */
  to: (path: string) => string;
  /** The brokerage's own page, on its own site. */
  atBrokerage: (slug: string, view?: View) => string;
  reconnecting: boolean;
};

export function visit(
  c: Context,
  world: World,
  sessionId: string,
  show: (here: Here) => Response | Promise<Response>,
): Response | Promise<Response> {
  const session = world.sessions.get(sessionId);
  if (!session?.redeemed) return expired(c, world, session);
  const view = viewOf(c);
  const { portal, brokerage } = world.origins;
  const to = (path: string) => `${portal}${withView(`/portal/s/${session.sessionId}${path}`, view)}`;
  const atBrokerage = (slug: string, shown = view) =>
    `${brokerage}${withView(`/authorize/${slug}/${session.sessionId}`, shown)}`;
  return show({ c, world, session, view, to, atBrokerage, reconnecting: Boolean(session.wanted.reconnect) });
}

/** Browsers say whether a page is framed; the script finds out for those that don't. */
function viewOf(c: Context): View {
  const is = (name: string) => c.req.query(name) === "1";
  const shownIn = c.req.header("Sec-Fetch-Dest");
  const framed = shownIn === "iframe" || (shownIn !== "document" && is("framed"));
  return { framed, opener: is("opener"), popup: is("popup") };
}

function withView(path: string, view: View): string {
  const query = (["framed", "opener", "popup"] as const)
    .filter((name) => view[name])
    .map((name) => `${name}=1`);
  if (query.length === 0) return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query.join("&")}`;
}

export function page(
  here: Here,
  title: string,
  content: Html,
  more: Partial<Frame> = {},
  status: 200 | 400 = 200,
) {
  const { view, session } = here;
  const leaveHref = session.wanted.showCloseButton === false ? null : here.to("/leave");
  return here.c.html(
    portalPage({ title, view, dark: session.wanted.darkMode === true, leave: leaveHref, ...more }, content),
    status,
  );
}

export function startingBrokerage({ world, session }: Here): string | undefined {
  const { reconnect, broker } = session.wanted;
  if (!reconnect) return broker;
  return world.user(session.userId)?.connections.find(({ id }) => id === reconnect)?.slug ?? broker;
}

/** Shows this page's brokerage, unless it is in maintenance or disabled. */
export function withBrokerage(
  here: Here,
  show: (here: Here, brokerage: ListedBrokerage) => Response | Promise<Response>,
) {
  const { c, world, session, reconnecting } = here;
  const user = world.user(session.userId);
  const brokerage = world.brokerage(c.req.param("slug") ?? "", user);
  if (!brokerage) return c.redirect(here.to(""), 303);
  const blocked =
    brokerage.maintenance_mode && (!reconnecting || world.settingsOf(user).maintenanceBlocksReconnect);
  if (blocked) return page(here, "Under maintenance", screens.maintenanceScreen(brokerage));
  if (!brokerage.enabled) return page(here, "Not available", screens.unavailableScreen(brokerage));
  return show(here, brokerage);
}

/** Signs in with the posted form; `action` is where the next form is posted. */
export async function signIn(here: Here, brokerage: ListedBrokerage, action: string) {
  const form = await here.c.req.parseBody();
  const login = typeof form.login === "string" ? form.login.trim() : "";
  const code = typeof form.code === "string" ? form.code.trim() : undefined;
  const attempt = attemptSignIn(here.world, here.session, brokerage, login, code);
  if (attempt === "hang") return page(here, "Working", screens.hangScreen(here.reconnecting));
  if (attempt === "needs-code") {
    return page(here, "Enter your code", screens.codeScreen(brokerage, action, login));
  }
  return end(here, attempt);
}

/** A success is final: later attempts in the session can't change it. */
export function end(here: Here, ending: Ending) {
  if (here.session.ending?.kind === "success" && ending.kind === "error")
    return expired(here.c, here.world, here.session);
  here.session.ending = ending;
  return here.c.redirect(here.to("/result"), 303);
}

export function expired(c: Context, world: World, session: PortalSession | undefined) {
  const view = viewOf(c);
  const settings = world.settingsOf(world.users.get(session?.userId ?? ""));
  const target = session ? returnUrl(world, session, expiredEnding) : null;
  const back =
    view.framed || target === null
      ? ""
      : html`<a class="button" href="${target}">Return to ${world.partner.name}</a>`;
  const close = view.framed ? html`<button type="button" data-say="CLOSE_MODAL">Close</button>` : "";
  const frame: Frame = {
    title: "This sign-in page has expired",
    view,
    dark: session?.wanted.darkMode === true,
    leave: null,
    messages: messagesFor(settings, expiredEnding),
  };
  return c.html(portalPage(frame, screens.expiredScreen(html`${back}${close}`)), 400);
}
