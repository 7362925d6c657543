import "server-only";
import { z } from "zod";
import { createHandOff } from "@/lib/auth/hand-off/link";
import { returnPath } from "@/lib/auth/sign-in-request";
import { getUserByExternalId } from "@/lib/people/find";
import { externalId, time } from "@/lib/api/fields";
import { answer, operation } from "@/lib/api/operation";
import { noSuchPerson } from "@/lib/api/user-fields";

const wanted = z.strictObject({
  user: externalId,
  return_to: z
    .string()
    .max(500)
    .refine((value) => returnPath(value) !== null, "Must be a path within the app, such as /connections")
    .default("/connections")
    .meta({ description: "The page to show after signing in: a path within the app, such as /connections" }),
});

const signInLink = z
  .object({
    url: z.url().meta({ description: "A secret. Send the person there at once; never store or log it." }),
    expires_at: time,
  })
  .meta({ id: "SignInLink" });

export const createSignInLink = operation({
  name: "createSignInLink",
  method: "POST",
  path: "/sign-in-links",
  scope: "sign-in-links:write",
  summary: "Make an address that signs one person in, once, within 60 seconds",
  description:
    "Opening the address signs nobody in, so link previews don’t use it up. It shows a button, which presses " +
    "itself if the person comes from one of EMBED_ORIGINS and isn’t signed in as someone else.",
  body: wanted,
  answers: { 201: signInLink },
  problems: ["not-found", "conflict", "invalid-request"],
  work: async ({ body, now, requestId }) => {
    const user = await getUserByExternalId(body.user);
    if (!user) throw noSuchPerson();
    const made = await createHandOff({ id: requestId, userId: user.userId, returnTo: body.return_to, now });
    return answer(201, { url: made.url, expires_at: made.expiresAt });
  },
});
