import "server-only";
import { env } from "@/lib/base/env";
import { sendMail } from "@/lib/mail";

export const linkMinutes = 15;

/**
 * Mails a sign-in link.
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
  const { APP_NAME: app, APP_URL: url } = env();
  const { host } = new URL(url);
  const link = `${url}/sign-in?${new URLSearchParams({ token, email: to, returnTo }).toString()}`;
  await sendMail({
    to,
    subject: `Sign in to ${app}`,
    text: [
      `Open this link to sign in to ${app}:`,
      link,
      `It works once and expires after ${linkMinutes} minutes. If you didn't request it, you can ignore this e-mail.`,
      `How to know this e-mail is real: the link opens ${host}, and we never ask for a brokerage password.`,
    ].join("\n\n"),
    html: htmlBody(escapeHtml(app), escapeHtml(link), escapeHtml(host)),
  });
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function htmlBody(app: string, link: string, host: string): string {
  const paragraph = (text: string) =>
    `<p style="margin:0 0 16px;font:16px/25px Arial,sans-serif;color:#2b3a42">${text}</p>`;
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f6f7"><tr><td align="center" style="padding:40px 16px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;border:1px solid #dde3e6;border-radius:12px"><tr><td style="padding:40px">
<h1 style="margin:0 0 20px;font:bold 24px/30px Arial,sans-serif;color:#14212a">Sign in to ${app}</h1>
${paragraph(`This link signs you in. It works once and expires after ${linkMinutes} minutes.`)}
<p style="margin:0 0 24px"><a href="${link}" style="display:inline-block;padding:13px 22px;border-radius:8px;background:#005a73;color:#ffffff;font:bold 16px/22px Arial,sans-serif;text-decoration:none">Sign in</a></p>
${paragraph("If you didn't request it, you can ignore this e-mail.")}
${paragraph(`<strong>How to know this e-mail is real.</strong> The link opens ${host}, and we never ask for a brokerage password.`)}
</td></tr></table></td></tr></table>`;
}
