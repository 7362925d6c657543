import { type Context, Hono } from "hono";
import { html } from "hono/html";
import type { ListedBrokerage, World } from "../world";
import { attemptSignIn } from "./attempt";
import { messagesFor, returnUrl } from "./endings";
import { type Frame, type Html, portalPage, type View } from "./layout";
import * as screens from "./screens";
import { type Ending, expiredEnding, type PortalSession } from "./session";

interface Visit {
  c: Context;
  world: World;
  session: PortalSession;
  view: View;
}

export function createPortal(world: World): Hono {
  const portal = new Hono();
  portal.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-store");
    c.header("Referrer-Policy", "no-referrer");
  });

  portal.get("/snapTrade/redeemToken", (c) => {
    const token = c.req.query("token");
    const session = [...world.sessions.values()].find((one) => one.token === token);
    const user = session && world.user(session.userId);
    const now = world.now(user);
    if (!session || session.redeemed || now >= session.expiresAt) return expired(c, world, session);
    if (c.req.method === "HEAD") return c.body(null);
    session.redeemed = true;
    world.changed();
    return c.redirect(`/portal/s/${session.sessionId}`, 303);
  });

  portal.get("/portal/s/:sessionId", (c) =>
    visit(c, world, (here) => {
      if (here.session.ending?.kind === "success") return c.redirect(here.to("/result"), 303);
      const slug = startingBrokerage(here);
      return slug === undefined ? choose(here) : c.redirect(here.to(`/sign-in/${slug}`), 303);
    }),
  );

  portal.get("/portal/s/:sessionId/sign-in/:slug", (c) => visit(c, world, (here) => atBrokerage(here, showSignIn)));
  portal.post("/portal/s/:sessionId/sign-in/:slug", (c) => visit(c, world, (here) => atBrokerage(here, submit)));
  portal.get("/portal/s/:sessionId/oauth/:slug", (c) => visit(c, world, (here) => atBrokerage(here, showBrokerage)));

  portal.get("/portal/s/:sessionId/outcome", (c) => {
    const session = world.sessions.get(c.req.param("sessionId"));
    return c.json({ ended: Boolean(session?.ending) });
  });

  portal.get("/portal/s/:sessionId/result", (c) => visit(c, world, showResult));
  portal.get("/portal/s/:sessionId/leave", (c) => visit(c, world, leave));

  return portal;
}

type Here = Visit & {
  /** A URL of this session that keeps the way it is shown. */
  to: (path: string) => string;
  reconnecting: boolean;
};

function visit(c: Context, world: World, show: (here: Here) => Response | Promise<Response>): Response | Promise<Response> {
  const session = world.sessions.get(c.req.param("sessionId") ?? "");
  if (!session?.redeemed) return expired(c, world, session);
  const view = viewOf(c);
  const to = (path: string) => withView(`/portal/s/${session.sessionId}${path}`, view);
  return show({ c, world, session, view, to, reconnecting: Boolean(session.wanted.reconnect) });
}

function viewOf(c: Context): View {
  const is = (name: string) => c.req.query(name) === "1";
  return { framed: is("framed"), opener: is("opener"), popup: is("popup") };
}

function withView(path: string, view: View): string {
  const query = (["framed", "opener", "popup"] as const).filter((name) => view[name]).map((name) => `${name}=1`);
  if (query.length === 0) return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query.join("&")}`;
}

function page(here: Here, title: string, content: Html, more: Partial<Frame> = {}, status: 200 | 400 = 200) {
  const { view, session } = here;
  const leaveHref = session.wanted.showCloseButton === false ? null : here.to("/leave");
  return here.c.html(portalPage({ title, view, dark: session.wanted.darkMode === true, leave: leaveHref, ...more }, content), status);
}

function startingBrokerage({ world, session }: Here): string | undefined {
  const { reconnect, broker } = session.wanted;
  if (!reconnect) return broker;
  return world.user(session.userId)?.connections.find(({ id }) => id === reconnect)?.slug ?? broker;
}

function choose(here: Here) {
  if (here.reconnecting) return end(here, { kind: "error", code: "1012", status: 400, detail: "The connection to repair does not exist." });
  const { world, session } = here;
  const offered = world
    .listBrokerages(world.user(session.userId))
    .filter(({ enabled, allowsTrading }) => enabled && (session.wanted.connectionType !== "trade" || allowsTrading));
  const choices = offered.map((brokerage) => ({ brokerage, href: here.to(`/sign-in/${brokerage.slug}`) }));
  return page(here, "Choose your brokerage", screens.chooseScreen(choices));
}

/** The brokerage of this page, unless it is closed for now. */
function atBrokerage(here: Here, show: (here: Here, brokerage: ListedBrokerage) => Response | Promise<Response>) {
  const { c, world, session, reconnecting } = here;
  const user = world.user(session.userId);
  const brokerage = world.brokerage(c.req.param("slug") ?? "", user);
  if (!brokerage) return c.redirect(here.to(""), 303);
  const blocked = brokerage.maintenance_mode && (!reconnecting || world.settingsOf(user).maintenanceBlocksReconnect);
  if (blocked) return page(here, "Under maintenance", screens.maintenanceScreen(brokerage));
  if (!brokerage.enabled) return page(here, "Not available", screens.unavailableScreen(brokerage));
  return show(here, brokerage);
}

function showSignIn(here: Here, brokerage: ListedBrokerage) {
  const { c, session, view, reconnecting } = here;
  if (session.ending?.kind === "error") session.ending = null;
  if (brokerage.is_degraded && c.req.query("anyway") !== "1") {
    return page(here, "Connectivity issue", screens.degradedScreen(brokerage, here.to(`/sign-in/${brokerage.slug}?anyway=1`)));
  }
  const title = `${reconnecting ? "Reconnect" : "Connect"} ${brokerage.displayName}`;
  const oauthPath = `/oauth/${brokerage.slug}`;
  if (brokerage.signIn !== "oauth") {
    return page(here, title, screens.signInScreen({ brokerage, reconnecting, action: here.to(`/sign-in/${brokerage.slug}`) }));
  }
  if (!view.framed) return page(here, title, screens.oauthScreen(brokerage, reconnecting, here.to(oauthPath)));
  const oauth = withView(`/portal/s/${session.sessionId}${oauthPath}`, { framed: false, opener: false, popup: true });
  return page(here, title, screens.framedOauthScreen(brokerage, reconnecting, { oauth, outcome: here.to("/outcome"), result: here.to("/result") }));
}

function showBrokerage(here: Here, brokerage: ListedBrokerage) {
  const action = here.to(`/sign-in/${brokerage.slug}`);
  const cancel = here.view.popup ? null : action;
  const content = screens.brokerageScreen({ brokerage, reconnecting: here.reconnecting, action }, cancel);
  return page(here, `Sign in at ${brokerage.displayName}`, content, { leave: null });
}

async function submit(here: Here, brokerage: ListedBrokerage) {
  const form = await here.c.req.parseBody();
  const login = typeof form.login === "string" ? form.login.trim() : "";
  const code = typeof form.code === "string" ? form.code.trim() : undefined;
  const attempt = attemptSignIn(here.world, here.session, brokerage, login, code);
  if (attempt === "hang") return page(here, "Working", screens.hangScreen(here.reconnecting));
  if (attempt === "needs-code") {
    return page(here, "Enter your code", screens.codeScreen(brokerage, here.to(`/sign-in/${brokerage.slug}`), login));
  }
  return end(here, attempt);
}

/** The session keeps a success whatever is tried after it. */
function end(here: Here, ending: Ending) {
  if (here.session.ending?.kind === "success" && ending.kind === "error") return expired(here.c, here.world, here.session);
  here.session.ending = ending;
  return here.c.redirect(here.to("/result"), 303);
}

function showResult(here: Here) {
  const { world, session, view } = here;
  const { ending } = session;
  if (!ending) return here.c.redirect(here.to(""), 303);
  if (view.popup) return page(here, "Finished", screens.windowFinishedScreen(), { leave: null });

  const messages = messagesFor(world.settingsOf(world.users.get(session.userId)), ending);
  const target = returnUrl(world, session, ending);
  if (!view.framed && session.wanted.immediateRedirect && target) return depart(here, target, messages);
  if (ending.kind === "success") {
    return page(here, "Connected", screens.successScreen(here.reconnecting, doneButton(view, target)), { messages });
  }
  const again = html`<a class="button" href="${here.to("")}">Try again</a>`;
  const back = view.framed || target === null ? "" : html`<a class="button quiet" href="${target}">Return to ${world.partner.name}</a>`;
  return page(here, "That did not work", screens.errorScreen(ending, html`${again}${back}`), { messages });
}

function doneButton(view: View, target: string | null): Html | "" {
  if (view.framed) return html`<button type="button" data-say="CLOSE_MODAL">Done</button>`;
  return target === null ? "" : html`<a class="button" href="${target}">Done</a>`;
}

function leave(here: Here) {
  const { ending } = here.session;
  const succeeded = ending?.kind === "success";
  const target = returnUrl(here.world, here.session, succeeded ? ending : null);
  return depart(here, target, succeeded ? [] : ["ABANDONED"]);
}

/** Away from the portal; a window that somebody waits for is told first. */
function depart(here: Here, target: string | null, messages: unknown[]) {
  if (target && (!here.view.opener || messages.length === 0)) return here.c.redirect(target, 303);
  return page(here, "Goodbye", screens.leftScreen(), { messages, goTo: target ?? undefined, leave: null });
}

function expired(c: Context, world: World, session: PortalSession | undefined) {
  const view = viewOf(c);
  const settings = world.settingsOf(world.users.get(session?.userId ?? ""));
  const target = session ? returnUrl(world, session, expiredEnding) : null;
  const back = view.framed || target === null ? "" : html`<a class="button" href="${target}">Return to ${world.partner.name}</a>`;
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
