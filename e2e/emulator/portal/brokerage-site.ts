import { Hono } from "hono";
import type { ListedBrokerage, World } from "../world/model";
import { brokerageScreen } from "./screens";
import { type Here, page, signIn, visit, withBrokerage } from "./visit";

/** The brokerages' own OAuth sign-in pages, on a separate site that leads back to the portal. */
export function createBrokerageSite(world: World): Hono {
  const site = new Hono();
  site.get("/authorize/:slug/:sessionId", (c) =>
    visit(c, world, c.req.param("sessionId"), (here) => withBrokerage(here, show)),
  );
  site.post("/authorize/:slug/:sessionId", (c) =>
    visit(c, world, c.req.param("sessionId"), (here) => withBrokerage(here, submit)),
  );
  return site;
}

function show(here: Here, brokerage: ListedBrokerage) {
  const cancel = here.view.popup ? null : here.to(`/sign-in/${brokerage.slug}`);
  const content = brokerageScreen(
    { brokerage, reconnecting: here.reconnecting, action: here.atBrokerage(brokerage.slug) },
    cancel,
  );
  return page(here, `Sign in at ${brokerage.displayName}`, content, { leave: null });
}

const submit = (here: Here, brokerage: ListedBrokerage) =>
  signIn(here, brokerage, here.atBrokerage(brokerage.slug));
