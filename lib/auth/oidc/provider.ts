import "server-only";
import type { OAuthConfig } from "next-auth/providers/oauth";
import { env } from "@/lib/base/env";
import { externalIdShape } from "@/lib/base/external-id";
import { plainAddress } from "@/lib/mail-address";
import { boundedAgent } from "./bounded-agent";

export const oidcProviderId = "oidc";

/** What the provider says of someone; unverified until the ID token was checked. */
export type Claims = Record<string, unknown>;

/** Stands for a person whom the provider doesn't name; not printable, so it is nobody's external id. */
const noExternalId = "\n";

/** How long the provider may be silent. lib/auth/oidc/sign-in.ts limits the whole. */
const silenceMs = 5_000;

const withoutSlash = (url: string) => url.replace(/\/+$/, "");

/** What the company's provider is called, on buttons and in sentences. */
export const oidcName = () => env().OIDC_NAME ?? env().APP_NAME;

/** The company's identity provider, found by discovery, with every check that OpenID Connect has. */
export function oidcProvider(): OAuthConfig<Claims> {
  const { OIDC_ISSUER = "", OIDC_CLIENT_ID, OIDC_CLIENT_SECRET } = env();
  return {
    id: oidcProviderId,
    name: oidcName(),
    type: "oauth",
    wellKnown: `${withoutSlash(OIDC_ISSUER)}/.well-known/openid-configuration`,
    clientId: OIDC_CLIENT_ID,
    clientSecret: OIDC_CLIENT_SECRET,
    idToken: true,
    checks: ["pkce", "state", "nonce"],
    authorization: { params: { scope: "openid email" } },
    httpOptions: { timeout: silenceMs, agent: boundedAgent(OIDC_ISSUER) },
    userinfo: {
      async request({ client, tokens }) {
        const { issuer } = client;
        if (withoutSlash(issuer.metadata.issuer) !== withoutSlash(OIDC_ISSUER))
          throw new Error("The identity provider calls itself something other than OIDC_ISSUER");
        const claims = (tokens as { claims: () => Claims }).claims();
        // Some providers keep everything but the subject out of the ID token.
        const complete = "email" in claims && env().OIDC_EXTERNAL_ID_CLAIM in claims;
        if (complete || !issuer.metadata.userinfo_endpoint || !tokens.access_token) return claims;
        return { ...(await client.userinfo(tokens as Parameters<typeof client.userinfo>[0])), ...claims };
      },
    },
    profile: (claims) => ({ id: externalIdOf(claims) ?? noExternalId }),
  };
}

/** The company's own id for the person, or null if the claim is missing or isn't one. */
export function externalIdOf(claims: Claims): string | null {
  const parsed = externalIdShape.safeParse(claims[env().OIDC_EXTERNAL_ID_CLAIM]);
  return parsed.success ? parsed.data : null;
}

/** The address that the provider has verified, or null. */
export function verifiedAddressOf({ email, email_verified: verified }: Claims): string | null {
  return verified === true && typeof email === "string" ? plainAddress(email) : null;
}
