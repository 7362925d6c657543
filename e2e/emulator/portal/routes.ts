import { Hono } from "hono";
import { html } from "hono/html";
import type { ListedBrokerage, World } from "../world/model";
import { messagesFor, returnUrl } from "./endings";
import type { Html, View } from "./layout";
import * as screens from "./screens";
import { end, expired, type Here, page, signIn, startingBrokerage, visit, withBrokerage } from "./visit";

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
    const framed = c.req.header("Sec-Fetch-Dest") === "iframe";
    return visit(c, world, session.sessionId, (here) =>
      c.redirect(framed ? here.to("") : firstStop(here), 303),
    );
  });

  portal.get("/portal/s/:sessionId", (c) =>
    visit(c, world, c.req.param("sessionId"), (here) => {
      if (here.session.ending?.kind === "success") return c.redirect(here.to("/result"), 303);
      const slug = startingBrokerage(here);
      return slug === undefined ? choose(here) : c.redirect(here.to(`/sign-in/${slug}`), 303);
    }),
  );

  portal.get("/portal/s/:sessionId/sign-in/:slug", (c) =>
    visit(c, world, c.req.param("sessionId"), (here) => withBrokerage(here, showSignIn)),
  );
  portal.post("/portal/s/:sessionId/sign-in/:slug", (c) =>
    visit(c, world, c.req.param("sessionId"), (here) => withBrokerage(here, submit)),
  );

  portal.get("/portal/s/:sessionId/outcome", (c) => {
    const session = world.sessions.get(c.req.param("sessionId"));
    return c.json({ ended: Boolean(session?.ending) });
  });

  portal.get("/portal/s/:sessionId/result", (c) => visit(c, world, c.req.param("sessionId"), showResult));
  portal.get("/portal/s/:sessionId/leave", (c) => visit(c, world, c.req.param("sessionId"), leave));

  return portal;
}

/** The portal, or the brokerage's own site if it has one. */
function firstStop(here: Here): string {
  const { world, session } = here;
  const user = world.user(session.userId);
  const brokerage = world.brokerage(startingBrokerage(here) ?? "", user);
  const goesOn = brokerage?.signIn === "oauth" && world.settingsOf(user).oauthRedirect === "third-origin";
  return goesOn ? here.atBrokerage(brokerage.slug) : here.to("");
}

const submit = (here: Here, brokerage: ListedBrokerage) =>
  signIn(here, brokerage, here.to(`/sign-in/${brokerage.slug}`));

function choose(here: Here) {
  if (here.reconnecting)
    return end(here, {
      kind: "error",
      code: "1012",
      status: 400,
      detail: "The connection to repair does not exist.",
    });
  const { world, session } = here;
  const offered = world
    .listBrokerages(world.user(session.userId))
    .filter(
      ({ enabled, allowsTrading }) => enabled && (session.wanted.connectionType !== "trade" || allowsTrading),
    );
  const choices = offered.map((brokerage) => ({ brokerage, href: here.to(`/sign-in/${brokerage.slug}`) }));
  return page(here, "Choose your brokerage", screens.chooseScreen(choices));
}

function showSignIn(here: Here, brokerage: ListedBrokerage) {
  const { c, session, view, reconnecting } = here;
  if (session.ending?.kind === "error") session.ending = null;
  if (brokerage.is_degraded && c.req.query("anyway") !== "1") {
    return page(
      here,
      "Connectivity issue",
      screens.degradedScreen(brokerage, here.to(`/sign-in/${brokerage.slug}?anyway=1`)),
    );
  }
  const title = `${reconnecting ? "Reconnect" : "Connect"} ${brokerage.displayName}`;
  if (brokerage.signIn !== "oauth") {
    return page(
      here,
      title,
      screens.signInScreen({ brokerage, reconnecting, action: here.to(`/sign-in/${brokerage.slug}`) }),
    );
  }
  if (!view.framed)
    return page(here, title, screens.oauthScreen(brokerage, reconnecting, here.atBrokerage(brokerage.slug)));
  const oauth = here.atBrokerage(brokerage.slug, { framed: false, opener: false, popup: true });
  return page(
    here,
    title,
    screens.framedOauthScreen(brokerage, reconnecting, {
      oauth,
      outcome: here.to("/outcome"),
      result: here.to("/result"),
    }),
  );
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
    return page(here, "Connected", screens.successScreen(here.reconnecting, doneButton(view, target)), {
      messages,
    });
  }
  const again = html`<a class="button" href="${here.to("")}">Try again</a>`;
  const back =
    view.framed || target === null
      ? ""
      : html`<a class="button quiet" href="${target}">Return to ${world.partner.name}</a>`;
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

/** Leaves the portal, after notifying any window that is waiting for it. */
function depart(here: Here, target: string | null, messages: unknown[]) {
  if (target && (!here.view.opener || messages.length === 0)) return here.c.redirect(target, 303);
  return page(here, "Goodbye", screens.leftScreen(), { messages, goTo: target ?? undefined, leave: null });
}
