"use server";

import { revalidatePath } from "next/cache";
import { redirect } from "next/navigation";
import { fieldsOf, userAction } from "@/lib/action";
import { markAllRead, saveMailSettings } from "./data";
import { unsubscribe } from "./links";
import { mailSettingsInput, markReadInput } from "./schema";

export async function markRead(form: FormData): Promise<void> {
  const { shownAt = "" } = fieldsOf(form);
  const marked = await mark({ shownAt });
  if (!marked.ok) redirect(`/notifications?problem=${marked.code}`);
  revalidatePath("/notifications", "layout");
}

export async function saveSettings(form: FormData): Promise<void> {
  const { preference = "", quietFrom = "", quietTo = "" } = fieldsOf(form);
  const saved = await save({ preference: preference as "all", quietFrom, quietTo });
  redirect(saved.ok ? "/notifications?saved=yes" : `/notifications?problem=${saved.code}`);
}

/** Needs no sign-in: the token is the right to it, and all it can do is end e-mails. */
export async function stopMail(form: FormData): Promise<void> {
  const { token = "" } = fieldsOf(form);
  redirect((await unsubscribe(token)) ? "/unsubscribe/done" : "/");
}

const mark = userAction(markReadInput, async ({ user, input, now }) => {
  await markAllRead(user.id, input.shownAt, now);
  return null;
});

const save = userAction(mailSettingsInput, async ({ user, input }) => {
  await saveMailSettings(user.id, input);
  return null;
});
