"use server";

import { revalidatePath } from "next/cache";
import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { fieldsOf, problemAt, userAction } from "@/lib/action";
import { AppError } from "@/lib/base/errors";
import { readFixLink, spendFixLink } from "@/lib/notifications/links";
import { fixLinkInput } from "@/lib/notifications/schema";
import { requestForgetting } from "@/lib/account/delete";
import { look } from "@/lib/connections/look/look";
import { checkPortal, openConnect, openReconnect } from "@/lib/connections/portal/open";
import { continueQueue, skipInQueue as skip } from "@/lib/connections/portal/queue";
import { keepBeside, requestRemoval, takeRemovalBack } from "@/lib/connections/look/remove";
import { countCheck } from "@/lib/connections/observations/snaptrade-user";
import { askWhenBack } from "@/lib/connections/portal/notify-when-back";
import { connectInput, connectionInput, noInput, queueEntryInput, reconnectInput, reportPortalInput } from "./schema";

// For the dialog: the login link goes to the click that asked for it, and nowhere else.

export const startReconnect = userAction(reconnectInput, async ({ user, input, now }) =>
  openReconnect({ userId: user.id, ...input, darkMode: await isDark(), now }),
);

export const startReconnectAll = userAction(noInput, async ({ user, now }) => {
  const next = await continueQueue(user.id, now);
  return openReconnect({ userId: user.id, ...next, darkMode: await isDark(), now });
});

export const startConnect = userAction(connectInput, async ({ user, input, now }) =>
  openConnect({ userId: user.id, brokerage: input.brokerage, beside: input.beside === "yes", darkMode: await isDark(), now }),
);

export const reportPortal = userAction(reportPortalInput, ({ user, input, now }) => checkPortal({ userId: user.id, ...input, now }));

export const skipEntry = userAction(queueEntryInput, async ({ user, input }) => {
  await skip(user.id, input.queueId, input.connectionId);
  return null;
});

export const keepSecond = userAction(connectionInput, async ({ user, input, now }) => {
  await keepBeside(user.id, input.connectionId, now);
  return null;
});

export const tellWhenBack = userAction(connectionInput, async ({ user, input, now }) => {
  await askWhenBack(user.id, input.connectionId, now);
  return null;
});

/** The button behind the link of an e-mail: spends the link, then goes to the portal like every other click. */
export const startFix = userAction(fixLinkInput, async ({ user, input, now }) => {
  const connectionId = await readFixLink(user.id, input.token, now);
  if (!connectionId || connectionId !== input.connectionId) throw new AppError("not-found");
  const opened = await openReconnect({ userId: user.id, connectionId, darkMode: await isDark(), now });
  await spendFixLink(user.id, input.token, now);
  return opened;
});

// Plain forms, so they work without JavaScript too.

export async function checkNow(): Promise<void> {
  const looked = await lookNow({});
  if (!looked.ok) redirect(problemAt("/connections", looked));
  revalidatePath("/connections", "layout");
}

export async function removeConnection(form: FormData): Promise<void> {
  const removed = await remove({ connectionId: fieldsOf(form).connectionId ?? "" });
  redirect(removed.ok ? "/connections" : problemAt("/connections", removed));
}

export async function askRemovalAgain(form: FormData): Promise<void> {
  const { connectionId = "" } = fieldsOf(form);
  const here = `/connections/${encodeURIComponent(connectionId)}`;
  const asked = await remove({ connectionId });
  redirect(asked.ok ? here : problemAt(here, asked));
}

export async function keepConnection(form: FormData): Promise<void> {
  const { connectionId = "" } = fieldsOf(form);
  const here = `/connections/${encodeURIComponent(connectionId)}`;
  const kept = await keep({ connectionId });
  redirect(kept.ok ? `${here}?kept=yes` : problemAt(here, kept));
}

export async function keepBoth(form: FormData): Promise<void> {
  const kept = await keepSecond({ connectionId: fieldsOf(form).connectionId ?? "" });
  redirect(kept.ok ? "/connections" : problemAt("/connections", kept));
}

export async function tellWhenBackInPage(form: FormData): Promise<void> {
  const { connectionId = "" } = fieldsOf(form);
  const here = `/connections/${encodeURIComponent(connectionId)}`;
  const asked = await tellWhenBack({ connectionId });
  redirect(asked.ok ? `${here}?asked=yes` : problemAt(here, asked));
}

const lookNow = userAction(noInput, async ({ user, now }) => {
  await countCheck(user.id, now);
  await look(user.id, now);
  return null;
});

export async function deleteAccount(): Promise<void> {
  const asked = await forgetMe({});
  redirect(asked.ok ? "/account/deleted" : problemAt("/account", asked));
}

const forgetMe = userAction(noInput, async ({ user, now }) => {
  await requestForgetting(user.id, now);
  return null;
});

const remove = userAction(connectionInput, async ({ user, input, now }) => {
  await requestRemoval(user.id, input.connectionId, now);
  return null;
});

const keep = userAction(connectionInput, async ({ user, input }) => {
  await takeRemovalBack(user.id, input.connectionId);
  return null;
});

/** The page's own theme, as its script last told; a hint for how the portal should look. */
async function isDark(): Promise<boolean> {
  return (await cookies()).get("color-scheme")?.value === "dark";
}
