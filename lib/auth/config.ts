import "server-only";
import { DrizzleAdapter } from "@auth/drizzle-adapter";
import type { AuthOptions } from "next-auth";
import type { Adapter, AdapterUser } from "next-auth/adapters";
import Email from "next-auth/providers/email";
import { eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { verificationTokens } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { newSessionToken, replaceSession } from "./browser-session";
import { authCookies } from "./cookie";
import { admitPerson } from "./oidc/person";
import { externalIdOf, oidcProvider, oidcProviderId, verifiedAddressOf, type Claims } from "./oidc/provider";
import { endSession, maxAgeDays } from "./sessions";

/**
 * The next-auth configuration: sign-in by e-mailed link and through the company's provider, with sessions in
 * the database. It only redeems links and talks to the provider; sessions are read in user.ts.
 */
export async function authOptions(): Promise<AuthOptions> {
  const { APP_URL, SIGN_IN } = env();
  process.env.NEXTAUTH_URL = APP_URL;
  return {
    secret: env().NEXTAUTH_SECRET,
    adapter: await adapter(),
    session: {
      strategy: "database",
      maxAge: maxAgeDays * 86_400,
      generateSessionToken: newSessionToken,
    },
    cookies: authCookies(),
    pages: { signIn: "/", verifyRequest: "/check-mail", error: "/" },
    providers: SIGN_IN.map((way) => (way === "oidc" ? oidcProvider() : emailProvider())),
    callbacks: {
      // Only URLs within the app, whatever a link asks for.
      redirect: ({ url, baseUrl }) =>
        URL.canParse(url, baseUrl) && new URL(url, baseUrl).origin === baseUrl
          ? new URL(url, baseUrl).href
          : baseUrl,
      // Only someone who opened the link learns this; the form responds the same to everyone.
      signIn: ({ user, email, account, profile }) =>
        account?.provider === oidcProviderId
          ? admitClaims((profile ?? {}) as Claims)
          : Boolean(email?.verificationRequest) || !isBeingDeleted(user) || deletedPage(),
    },
    logger: {
      error: (code, metadata) =>
        log.error(
          { code, ...describeError(metadata instanceof Error ? metadata : metadata.error) },
          "next-auth reported an error",
        ),
      warn: () => undefined,
      debug: () => undefined,
    },
  };
}

/** The page for someone whose account is being deleted. */
export const deletedPage = () => `${env().APP_URL}/account/deleted`;

const emailProvider = () =>
  Email({
    server: env().SMTP_URL,
    from: env().EMAIL_FROM,
    // requestSignIn creates and sends links; next-auth only redeems them.
    sendVerificationRequest: () =>
      Promise.reject(new Error("Sign-in links are not requested through next-auth")),
  });

/** @returns true, or the page that says why this person can't sign in */
async function admitClaims(claims: Claims): Promise<true | string> {
  const externalId = externalIdOf(claims);
  if (externalId === null) return `${env().APP_URL}/?error=OidcClaim`;
  const admitted = await admitPerson({ externalId, email: verifiedAddressOf(claims) }, new Date());
  return admitted || deletedPage();
}

/** The adapter passes the whole row, although its types don't show it. */
const isBeingDeleted = (user: object) => Boolean(Reflect.get(user, "deletionRequestedAt"));

/**
 * The adapter's types are for the successor of next-auth 4; the methods for e-mail are the same in both. The
 * session methods are ours, so that the database only ever sees a token's hash.
 */
async function adapter(): Promise<Adapter> {
  const tables = { usersTable: users, verificationTokensTable: verificationTokens };
  type Options = Parameters<typeof DrizzleAdapter>;
  const db = await database();
  const ready = DrizzleAdapter(db as unknown as Options[0], tables as unknown as Options[1]);
  return {
    ...(ready as Adapter),
    // Asked again after admitClaims, which made sure that there is one.
    async getUserByAccount({ providerAccountId }) {
      const [found] = await db.select().from(users).where(eq(users.externalId, providerAccountId));
      return (found ?? null) as AdapterUser | null;
    },
    async createSession(session) {
      await replaceSession({ token: session.sessionToken, userId: session.userId });
      return session;
    },
    // next-auth ends a browser's former session only for someone with an account, so createSession does.
    getSessionAndUser: () => Promise.resolve(null),
    updateSession: () => Promise.resolve(null),
    deleteSession: endSession,
  };
}
