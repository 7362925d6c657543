"use server";

import { cookies } from "next/headers";
import { callerAction, formAction, userAction } from "@/lib/action";
import { createOwnWindow } from "@/lib/auth/hand-off/own-window";
import { AppError } from "@/lib/base/errors";
import { takeOrThrow } from "@/lib/limits";
import { stepInput } from "@/lib/fix-sessions/schema";
import { openStep } from "@/lib/fix-sessions/visits/open";
import { look } from "@/lib/connections/look/look";
import { openConnect, openReconnect } from "@/lib/connections/portal/open";
import { checkPortal } from "@/lib/connections/portal/check";
import { continueQueue, skipInQueue as skip } from "@/lib/connections/portal/queue";
import { keepBeside, requestRemoval, takeRemovalBack } from "@/lib/connections/look/remove";
import { countCheck } from "@/lib/connections/observations/snaptrade-user";
import { notifyWhenBack } from "@/lib/connections/portal/notify-when-back";
import {
  connectInput,
  connectionInput,
  noInput,
  outsideInput,
  queueEntryInput,
  reconnectInput,
  reportPortalInput,
} from "./schema";

// For the dialog. A login link goes only to the click that requested it.

export const startReconnect = userAction(reconnectInput, async ({ user, input, now }) => {
  await countLoginLink(user.id, now);
  return openReconnect({ userId: user.id, ...input, darkMode: await isDark(), now });
});

export const startReconnectAll = userAction(noInput, async ({ user, now }) => {
  await countLoginLink(user.id, now);
  const next = await continueQueue(user.id, now);
  return openReconnect({ userId: user.id, ...next, darkMode: await isDark(), now });
});

export const startConnect = userAction(connectInput, async ({ user, input, now }) => {
  await countLoginLink(user.id, now);
  return openConnect({
    userId: user.id,
    brokerage: input.brokerage,
    beside: input.beside === "yes",
    darkMode: await isDark(),
    now,
  });
});

/**
 * For a page in another site's frame, where neither the portal nor a provider's sign-in can open: an address
 * that opens a page of ours in its own window, signed in as the same person. Exists only where framing does.
 */
export const openOutside = userAction(outsideInput, ({ user, input, now }) =>
  createOwnWindow(user.id, input.returnTo, now),
);

export const reportPortal = callerAction(reportPortalInput, ({ user, within, input, now }) =>
  checkPortal({ userId: user.id, ...input, within, now }),
);

export const skipEntry = userAction(queueEntryInput, async ({ user, input }) => {
  await skip(user.id, input.queueId, input.connectionId);
  return null;
});

export const keepBoth = userAction(connectionInput, async ({ user, input, now }) => {
  await keepBeside(user.id, input.connectionId, now);
  return null;
});

export const requestNotifyWhenBack = userAction(connectionInput, async ({ user, input, now }) => {
  await notifyWhenBack(user.id, input.connectionId, now);
  return null;
});

/** The button on a fix session's page. */
export const startFix = callerAction(stepInput, async ({ user, within, input, now }) => {
  if (within !== null && within !== input.fixSessionId) throw new AppError("not-found");
  return openStep({ userId: user.id, step: input, darkMode: await isDark(), now });
});

// Plain forms, which also work without JavaScript.

const pageOf = ({ connectionId = "" }: { connectionId?: string }) =>
  `/connections/${encodeURIComponent(connectionId)}`;

export const checkNow = formAction(
  noInput,
  async ({ user, now }) => {
    await countCheck(user.id, now);
    await look(user.id, now);
    return null;
  },
  "/connections",
);

export const removeConnection = formAction(
  connectionInput,
  async ({ user, input, now }) => {
    await requestRemoval(user.id, input.connectionId, now);
    return "/connections";
  },
  "/connections",
);

export const repeatRemoval = formAction(
  connectionInput,
  async ({ user, input, now }) => {
    await requestRemoval(user.id, input.connectionId, now);
    return pageOf(input);
  },
  pageOf,
);

export const cancelRemoval = formAction(
  connectionInput,
  async ({ user, input }) => {
    await takeRemovalBack(user.id, input.connectionId);
    return `${pageOf(input)}?kept=yes`;
  },
  pageOf,
);

export const keepBothForm = formAction(
  connectionInput,
  async ({ user, input, now }) => {
    await keepBeside(user.id, input.connectionId, now);
    return "/connections";
  },
  "/connections",
);

export const requestNotifyWhenBackForm = formAction(
  connectionInput,
  async ({ user, input, now }) => {
    await notifyWhenBack(user.id, input.connectionId, now);
    return `${pageOf(input)}?asked=yes`;
  },
  pageOf,
);

const countLoginLink = (userId: string, now: Date) =>
  takeOrThrow("login link by person", userId, now, "opened-often");

/** The theme that the page's script stored in a cookie; only a hint for how the portal should look. */
async function isDark(): Promise<boolean> {
  return (await cookies()).get("color-scheme")?.value === "dark";
}
