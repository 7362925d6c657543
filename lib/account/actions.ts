"use server";

import { formAction } from "@/lib/action";
import { noInput } from "@/lib/connections/schema";
import { requestForgetting } from "./delete";

export const deleteAccount = formAction(
  noInput,
  async ({ user, now }) => {
    await requestForgetting(user.id, now);
    return "/account/deleted";
  },
  "/account",
);
