import "server-only";
import { redirect } from "next/navigation";
import { cache } from "react";
import { readToken } from "./cookie";
import { readSession, readVisitorSession } from "./sessions";

export interface User {
  id: string;
  /** Null for someone whom only the company knows how to reach. */
  email: string | null;
}

/**
 * This request's session, or null. Read once per request. The session of a fix session's visitor isn't one:
 * whatever asks for it refuses them.
 */
export const getSession = cache(async (): Promise<{ id: string; user: User } | null> => {
  const token = await readToken();
  return token ? readSession(token, new Date()) : null;
});

/** The signed-in person of this request, or null. */
export async function getUser(): Promise<User | null> {
  return (await getSession())?.user ?? null;
}

/**
 * The signed-in person of this request. Redirects everyone else to sign in, and back to `returnTo`
 * afterwards.
 */
export async function requireUser(returnTo?: string): Promise<User> {
  return (await getUser()) ?? redirect(returnTo ? `/?callbackUrl=${encodeURIComponent(returnTo)}` : "/");
}

/** Someone who may do something, and where. */
export interface Caller {
  sessionId: string;
  user: User;
  /** The only fix session whose pages a visitor may use; null for someone signed in in full. */
  within: string | null;
  /** When a visitor's session ends. */
  expiresAt: Date | null;
}

/**
 * The signed-in person or the fix session's visitor of this request, or null. Only for what belongs to one fix
 * session; the caller checks that it is the one in `within`.
 */
export const getCaller = cache(async (): Promise<Caller | null> => {
  const session = await getSession();
  if (session) return { sessionId: session.id, user: session.user, within: null, expiresAt: null };
  const token = await readToken();
  const visitor = token ? await readVisitorSession(token, new Date()) : null;
  if (!visitor) return null;
  const { id, user, fixSessionId, expiresAt } = visitor;
  return { sessionId: id, user, within: fixSessionId, expiresAt };
});

/** The signed-in person of this request, or the visitor of exactly this fix session, or null. */
export async function getUserOf(fixSessionId: string): Promise<User | null> {
  const caller = await getCaller();
  return caller && (caller.within === null || caller.within === fixSessionId) ? caller.user : null;
}
