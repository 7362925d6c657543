import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { mailColors } from "@/lib/base/brand";
import { withEmulator } from "@/lib/testing/connections";
import { sendSignInEmail } from "./sign-in-email";

const brandColor = "#c8102e";
Object.assign(process.env, { APP_NAME: "Acme & Co", BRAND_COLOR: brandColor });
const emulator = withEmulator();

test("the sign-in e-mail shows the app's name and brand color, and its text version contains the same link", async () => {
  const to = `${randomUUID()}@example.com`;
  await sendSignInEmail({ to, token: "a-token", returnTo: "/connections" });
  const [mail] = await emulator.get<{ subject: string; text: string; html: string }[]>(`/mail?to=${to}`);
  expect(mail?.subject).toBe("Sign in to Acme & Co");
  expect(mail?.html).toContain("Acme &#38; Co");
  expect(mail?.html).toContain(`background:${mailColors(brandColor).fill}`);
  expect(mail?.html).toContain("prefers-color-scheme:dark");
  expect(mail?.text).toContain("/sign-in?token=a-token&email=");
});
