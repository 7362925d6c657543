import "server-only";
import { getServerSession } from "next-auth";
import { redirect } from "next/navigation";
import { cache } from "react";
import { authOptions } from "./config";

export interface User {
  id: string;
  email: string;
}

/** The signed-in person of this request, or null; read once per request. */
export const getUser = cache(async (): Promise<User | null> => {
  const session: { user?: Partial<User> } | null = await getServerSession(await authOptions());
  const { id, email } = session?.user ?? {};
  return id && email ? { id, email } : null;
});

/**
 * The signed-in person of this request. Redirects everyone else to sign in, and back to `returnTo`
 * afterwards.
 */
export async function requireUser(returnTo?: string): Promise<User> {
  return (await getUser()) ?? redirect(returnTo ? `/?callbackUrl=${encodeURIComponent(returnTo)}` : "/");
}
