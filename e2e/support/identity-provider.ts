import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import Provider from "oidc-provider";

const client = { id: "reconnect", secret: "for-the-tests-only-not-a-secret" };

export interface IdentityProvider {
  /** The app's settings for signing in through it. */
  settings: Record<string, string>;
  stop: () => Promise<void>;
}

/**
 * A company's identity provider with the package `oidc-provider`: PKCE is required, and an address is only in
 * the userinfo answer. Anyone signs in with just a user name.
 * @param people what it says of them, by user name
 */
export async function startIdentityProvider(
  { port, appUrl }: { port: number; appUrl: string },
  people: Record<string, object>,
): Promise<IdentityProvider> {
  const issuer = `http://localhost:${port}`;
  const { privateKey } = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const key = await crypto.subtle.exportKey("jwk", privateKey);
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [`${appUrl}/api/auth/callback/oidc`],
      },
    ],
    claims: { openid: ["sub", "customer_number"], email: ["email", "email_verified"] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    jwks: { keys: [{ ...key, kty: "RSA", use: "sig" }] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, ...people[accountId] }),
    }),
    // Nobody is asked for their consent.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: client.id,
        accountId: oidc.session?.accountId ?? "",
      });
      grant.addOIDCScope("openid email");
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/interaction/")) void interact(provider, request, response);
    else void answer(request, response);
  }).listen(port);
  await once(server, "listening");
  return {
    settings: { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: client.id, OIDC_CLIENT_SECRET: client.secret },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Its sign-in page: a name, and a button to give up. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  if (request.method === "POST") {
    let body = "";
    for await (const part of request) body += String(part);
    const name = new URLSearchParams(body).get("name");
    const result = name ? { login: { accountId: name } } : { error: "access_denied" };
    return provider.interactionFinished(request, response, result);
  }
  response.setHeader("Content-Type", "text/html").end(`<!doctype html><title>Larch ID</title><h1>Larch ID</h1>
    <form method="post"><label>User name <input name="name"></label><button>Sign in</button></form>
    <form method="post"><button>Cancel</button></form>`);
}
