"use server";

import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { fieldsOf } from "@/lib/action";
import { dropToken, keepToken, readToken } from "@/lib/auth/cookie";
import { deviceOf } from "@/lib/auth/device";
import { endSession } from "@/lib/auth/sessions";
import { redeemLink } from "./links/sign-in";
import { linkInput } from "./schema";

/**
 * The button behind a link that signs its person in: for this fix session only, once. Ends the session that this
 * browser had, whoever it belonged to.
 */
export async function enter(form: FormData): Promise<void> {
  const link = linkInput.safeParse(fieldsOf(form));
  if (!link.success) redirect("/");
  const { token } = link.data;
  const device = deviceOf((await headers()).get("user-agent") ?? "");
  const visitor = await redeemLink(token, device, new Date());
  if (!visitor) redirect(`/fix/${token}`);
  const former = await readToken();
  if (former) await endSession(former);
  await keepToken(visitor.token, visitor.expiresAt);
  redirect(`/fix-sessions/${visitor.fixSessionId}`);
}

/** Signs out of this browser and opens the link again, for someone signed in as another person. */
export async function switchPerson(form: FormData): Promise<void> {
  const link = linkInput.safeParse(fieldsOf(form));
  const former = await readToken();
  if (former) await endSession(former);
  await dropToken();
  redirect(link.success ? `/fix/${link.data.token}` : "/");
}
