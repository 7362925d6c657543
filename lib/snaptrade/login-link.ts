import "server-only";
import { z } from "zod";
import { env } from "@/lib/base/env";
import { callSnapTrade, loginLimitMs, type SnapTradeCredentials } from "./client";
import { SnapTradeFailure } from "./failure";
import { ifLegible, text } from "./item-by-item";

/**
 * A one-time link into the Connection Portal, valid for five minutes (docs/snaptrade.md §4.2). `loginLink` is
 * a secret of the person who clicked.
 */
interface LoginLink {
  loginLink: string;
  snapTradeSessionId: string | null;
  /** SnapTrade's clock: when we requested the link. */
  openedAt: Date;
}

export type LoginPurpose = { reconnect: string; connectionType?: "trade" } | { broker: string };

const answer = z.object({ redirectURI: z.url({ protocol: /^https?$/ }), sessionId: ifLegible(text) });

/**
 * Requests a login link that repairs the connection `reconnect` or makes a new one at `broker`
 * (docs/snaptrade.md §4.1, §4.3). Omits `connectionType` unless trading was requested, because an explicit
 * value may change the access level (§4.4).
 * @throws SnapTradeFailure, also if the link leads to an origin that we do not frame
 */
export async function createLoginLink(
  credentials: SnapTradeCredentials,
  purpose: LoginPurpose,
  options: { returnUrl: string; darkMode: boolean },
): Promise<LoginLink> {
  const { data, askedAt } = await callSnapTrade(
    "login",
    answer,
    (api, limits) =>
      api.authentication.loginSnapTradeUser(
        {
          userId: credentials.snapTradeUserId,
          userSecret: credentials.userSecret,
          ...purpose,
          immediateRedirect: true,
          customRedirect: options.returnUrl,
          darkMode: options.darkMode,
        },
        limits,
      ),
    { person: credentials.snapTradeUserId, withinMs: loginLimitMs },
  );
  if (!env().SNAPTRADE_PORTAL_ORIGINS.includes(new URL(data.redirectURI).origin))
    throw new SnapTradeFailure("unexpected-answer", "login");
  return { loginLink: data.redirectURI, snapTradeSessionId: data.sessionId ?? null, openedAt: askedAt };
}
