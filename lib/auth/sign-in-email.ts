import "server-only";
import { mailColors } from "@/lib/base/brand";
import { env } from "@/lib/base/env";
import { sendMail } from "@/lib/mail";
import { frameMail } from "@/lib/mail-frame";

export const linkMinutes = 10;

/**
 * Sends a sign-in link by e-mail.
 * @throws MailNotSent
 */
export async function sendSignInEmail({
  to,
  token,
  returnTo,
}: {
  to: string;
  token: string;
  returnTo: string;
}): Promise<void> {
  const { APP_NAME: appName, APP_URL: url, BRAND_COLOR } = env();
  const { host } = new URL(url);
  const link = `${url}/sign-in?${new URLSearchParams({ token, email: to, returnTo }).toString()}`;
  const subject = `Sign in to ${appName}`;
  const sender = { appName, colors: mailColors(BRAND_COLOR) };
  const content = {
    title: subject,
    paragraphs: [`This link signs you in. It works once and expires after ${linkMinutes} minutes.`],
    buttons: [{ text: "Sign in", link }],
    real: `The link opens ${host}, and we never ask for a brokerage password.`,
    why: "If you didn’t request it, you can ignore this e-mail.",
  };
  await sendMail({ to, subject, askedFor: true, ...frameMail(sender, content) });
}
