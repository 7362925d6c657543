import { Hono } from "hono";
import { type SignInKind, stableId } from "../world/brokerages";
import type { ListedBrokerage, World } from "../world/model";
import type { ApiEnv } from "./context";
import { faulty } from "./fault";
import { brokerageShape } from "./shapes";

const authTypes: Record<SignInKind, string> = {
  credentials: "SCRAPE",
  code: "UNOFFICIAL_API",
  oauth: "OAUTH",
  "api-key": "TOKEN",
};

export function referenceRoutes(world: World): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.get("/brokerages", faulty(world, "brokerages"), (c) =>
    c.json(world.listBrokerages().map(brokerageShape)),
  );

  routes.get("/brokerageAuthorizationTypes", faulty(world, "types"), (c) => {
    const wanted = c.req.query("brokerage")?.split(",");
    const listed = world.listBrokerages().filter(({ slug }) => !wanted || wanted.includes(slug));
    return c.json(listed.flatMap(authorizationTypes));
  });

  routes.get("/snapTrade/partners", faulty(world, "partners"), (c) =>
    c.json({
      slug: world.partner.clientId,
      name: world.partner.name,
      logo_url: null,
      redirect_uri: world.partner.redirectUri,
      allowed_brokerages: world.listBrokerages().map(brokerageShape),
      can_access_trades: false,
      can_access_holdings: true,
      can_access_account_history: true,
      can_access_reference_data: true,
      can_access_portfolio_management: false,
      can_access_orders: false,
      pin_required: false,
    }),
  );

  return routes;
}

function authorizationTypes({ id, slug, name, signIn, allowsTrading }: ListedBrokerage) {
  const types = allowsTrading ? ["read", "trade"] : ["read"];
  return types.map((type) => ({
    id: stableId(`authorization type ${slug} ${type}`),
    type,
    auth_type: authTypes[signIn],
    brokerage: { id, name, slug },
  }));
}
