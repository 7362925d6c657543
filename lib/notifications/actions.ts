"use server";

import { redirect } from "next/navigation";
import { fieldsOf, formAction } from "@/lib/action";
import { markAllRead, saveMailSettings } from "./data";
import { unsubscribe } from "./links";
import { mailSettingsInput, markReadInput } from "./schema";

export const markRead = formAction(
  markReadInput,
  async ({ user, input, now }) => {
    await markAllRead(user.id, input.shownAt, now);
    return null;
  },
  "/notifications",
);

export const saveSettings = formAction(
  mailSettingsInput,
  async ({ user, input }) => {
    await saveMailSettings(user.id, input);
    return "/notifications?saved=yes";
  },
  "/notifications",
);

/** Needs no sign-in: the token grants it, and all it can do is stop e-mails. */
export async function stopMail(form: FormData): Promise<void> {
  const { token = "" } = fieldsOf(form);
  redirect((await unsubscribe(token)) ? "/unsubscribe/done" : "/");
}
