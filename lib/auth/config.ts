import "server-only";
import { DrizzleAdapter } from "@auth/drizzle-adapter";
import type { AuthOptions } from "next-auth";
import type { Adapter } from "next-auth/adapters";
import Email from "next-auth/providers/email";
import { database } from "@/lib/db/client";
import { sessions, verificationTokens } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";

/** The next-auth configuration: sign-in by e-mailed link, with sessions in the database. */
export async function authOptions(): Promise<AuthOptions> {
  process.env.NEXTAUTH_URL = env().APP_URL;
  return {
    secret: env().NEXTAUTH_SECRET,
    adapter: await adapter(),
    session: { strategy: "database", maxAge: 30 * 86_400, updateAge: 86_400 },
    pages: { signIn: "/", verifyRequest: "/check-mail", error: "/" },
    providers: [
      Email({
        server: env().SMTP_URL,
        from: env().EMAIL_FROM,
        // requestSignIn creates and sends links; next-auth only redeems them.
        sendVerificationRequest: () =>
          Promise.reject(new Error("Sign-in links are not requested through next-auth")),
      }),
    ],
    callbacks: {
      // Only URLs within the app, whatever a link asks for.
      redirect: ({ url, baseUrl }) =>
        URL.canParse(url, baseUrl) && new URL(url, baseUrl).origin === baseUrl
          ? new URL(url, baseUrl).href
          : baseUrl,
      // Only someone who opened the link learns this; the form responds the same to everyone.
      signIn: ({ user, email }) =>
        Boolean(email?.verificationRequest) || !isBeingDeleted(user) || `${env().APP_URL}/account/deleted`,
      session: ({ session, user }) => ({
        expires: session.expires,
        user: isBeingDeleted(user) ? {} : { id: user.id, email: user.email },
      }),
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

/** The adapter passes the whole row, although its types don't show it. */
const isBeingDeleted = (user: object) => Boolean(Reflect.get(user, "deletionRequestedAt"));

/**
 * The adapter's types are for the successor of next-auth 4; the methods for e-mail and database sessions are
 * the same in both.
 */
async function adapter(): Promise<Adapter> {
  const tables = { usersTable: users, sessionsTable: sessions, verificationTokensTable: verificationTokens };
  type Options = Parameters<typeof DrizzleAdapter>;
  return DrizzleAdapter((await database()) as unknown as Options[0], tables as unknown as Options[1]);
}
