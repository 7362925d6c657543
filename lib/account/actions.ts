"use server";

import { formAction } from "@/lib/action";
import { dropToken } from "@/lib/auth/cookie";
import { revokeOtherSessions, revokeSession } from "@/lib/auth/sessions";
import { getSession } from "@/lib/auth/user";
import { AppError } from "@/lib/base/errors";
import { noInput } from "@/lib/connections/schema";
import { keepsSnapTradeUser, requestForgetting } from "./delete";
import { sessionInput } from "./schema";

export const deleteAccount = formAction(
  noInput,
  async ({ user, now }) => {
    const kept = await keepsSnapTradeUser(user.id);
    await requestForgetting(user.id, now);
    await dropToken();
    return kept ? "/account/deleted?connections=kept" : "/account/deleted";
  },
  "/account",
);

export const endOneSession = formAction(
  sessionInput,
  async ({ user, input }) => {
    await revokeSession(user.id, input.sessionId);
    return "/account/sessions?ended=one";
  },
  "/account/sessions",
);

export const endOtherSessions = formAction(
  noInput,
  async ({ user }) => {
    const session = await getSession();
    if (!session) throw new AppError("signed-out");
    await revokeOtherSessions(user.id, session.id);
    return "/account/sessions?ended=others";
  },
  "/account/sessions",
);
