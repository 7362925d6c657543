import "server-only";
import { createTransport } from "nodemailer";
import { env } from "./env";

export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The Message-ID, where it must be known whether this very e-mail went out. */
  messageId?: string;
  /** For e-mails that nobody has to get: how to leave them with one click (RFC 8058). */
  unsubscribeUrl?: string;
}

/** The e-mail was not handed over; `certain` says whether the server may have taken it all the same. */
export class MailNotSent extends Error {
  override name = "MailNotSent";
  constructor(readonly certain: boolean) {
    super("The mail could not be handed over");
  }
}

let transport: ReturnType<typeof createTransport> | undefined;
const timeoutMs = 10_000;

/**
 * Hands one mail to SMTP_URL; returns when that server took it.
 * @throws MailNotSent
 */
export async function sendMail({ unsubscribeUrl, ...mail }: Mail): Promise<void> {
  const timeouts = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs };
  transport ??= createTransport({ url: env().SMTP_URL, ...timeouts }, { from: env().EMAIL_FROM });
  const headers: Record<string, string> = unsubscribeUrl
    ? { "List-Unsubscribe": `<${unsubscribeUrl}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }
    : {};
  try {
    await transport.sendMail({ ...mail, headers });
  } catch (error) {
    throw new MailNotSent(!lostInTransfer(error));
  }
}

/** The connection broke after the whole e-mail was sent and before the server said what became of it. */
function lostInTransfer(error: unknown): boolean {
  const { command, responseCode } = error as { command?: string; responseCode?: number };
  return command === "DATA" && responseCode === undefined;
}
