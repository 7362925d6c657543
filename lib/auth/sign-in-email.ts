import "server-only";
import { and, eq, gt, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { verificationTokens } from "@/lib/db/schema";
import { env } from "@/lib/env";
import { log } from "@/lib/log";
import { sendMail } from "@/lib/mail";

export const linkMinutes = 15;
/** More links than this within their lifetime help nobody but who wants to fill a mailbox. */
const linksAtOnce = 5;

/**
 * Mails a sign-in link; silently none when enough were sent to that address, so that the answer tells nothing about it.
 * @throws Error when the mail cannot be handed over
 */
export async function sendSignInEmail(to: string, link: string): Promise<void> {
  if (await hasEnoughLinks(to)) {
    log.info("A sign-in link was not sent: enough are on their way to that address");
    return;
  }
  const { APP_NAME: app, APP_URL: url } = env();
  const { host } = new URL(url);
  await sendMail({
    to,
    subject: `Sign in to ${app}`,
    text: [
      `Open this link to sign in to ${app}:`,
      link,
      `It works once and for ${linkMinutes} minutes. If you didn't ask for it, nothing happens when you leave it alone.`,
      `How to know this e-mail is real: the link opens ${host}, and we never ask for a brokerage password.`,
    ].join("\n\n"),
    html: htmlBody(escapeHtml(app), escapeHtml(link), escapeHtml(host)),
  });
}

async function hasEnoughLinks(to: string): Promise<boolean> {
  const db = await database();
  const [row] = await db
    .select({ links: sql<number>`count(*)::int` })
    .from(verificationTokens)
    .where(and(eq(verificationTokens.identifier, to), gt(verificationTokens.expires, new Date())));
  return (row?.links ?? 0) >= linksAtOnce;
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function htmlBody(app: string, link: string, host: string): string {
  const paragraph = (words: string) => `<p style="margin:0 0 16px;font:16px/25px Arial,sans-serif;color:#2b3a42">${words}</p>`;
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f6f7"><tr><td align="center" style="padding:40px 16px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;border:1px solid #dde3e6;border-radius:12px"><tr><td style="padding:40px">
<h1 style="margin:0 0 20px;font:bold 24px/30px Arial,sans-serif;color:#14212a">Sign in to ${app}</h1>
${paragraph(`This link signs you in. It works once and for ${linkMinutes} minutes.`)}
<p style="margin:0 0 24px"><a href="${link}" style="display:inline-block;padding:13px 22px;border-radius:8px;background:#005a73;color:#ffffff;font:bold 16px/22px Arial,sans-serif;text-decoration:none">Sign in</a></p>
${paragraph("If you didn't ask for it, nothing happens when you leave it alone.")}
${paragraph(`<strong>How to know this e-mail is real.</strong> The link opens ${host}, and we never ask for a brokerage password.`)}
</td></tr></table></td></tr></table>`;
}
