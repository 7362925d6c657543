import "server-only";
import { redirect } from "next/navigation";
import { cache } from "react";
import { readToken } from "./cookie";
import { readSession } from "./sessions";

export interface User {
  id: string;
  /** Null for someone whom only the company knows how to reach. */
  email: string | null;
}

/** This request's session, or null. Read once per request. */
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
