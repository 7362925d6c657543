import "server-only";
import { Readable } from "node:stream";
import { domainToASCII } from "node:url";
import { createTransport } from "nodemailer";
import parseAddresses from "nodemailer/lib/addressparser";
import { z } from "zod";
import { env } from "./env";

export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  messageId?: string;
  /** Called when the server is ready to take the e-mail, before any of it leaves. Unless it says true, nothing does. */
  begin?: () => Promise<boolean>;
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

/**
 * The one address that a text is for the mail server too, or null when it could be taken for a list, a name or anything else.
 * A domain in other letters is returned in the form that mail servers use.
 */
export function plainAddress(text: string): string | null {
  const at = text.lastIndexOf("@");
  const domain = text.slice(at + 1);
  // What comes after that is forgiving, and drops what belongs to no domain.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)) return null;
  const address = z
    .email()
    .max(254)
    .safeParse(`${text.slice(0, at)}@${domainToASCII(domain)}`.toLowerCase());
  if (!address.success) return null;
  const [only, ...others] = parseAddresses(address.data);
  return only && others.length === 0 && "address" in only && only.address === address.data && !only.name ? address.data : null;
}

const timeoutMs = 10_000;

/**
 * Hands one mail to SMTP_URL; returns when that server took it.
 * @throws MailNotSent
 */
export async function sendMail({ unsubscribeUrl, begin, ...mail }: Mail): Promise<void> {
  const timeouts = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs };
  const transport = createTransport({ url: env().SMTP_URL, ...timeouts }, { from: env().EMAIL_FROM });
  const progress = { leaving: false };
  /** Read from only once the server has asked for the e-mail. */
  async function* whenAskedFor(whole: Readable) {
    if (begin && !(await begin())) throw new Error("Not to be sent any more");
    progress.leaving = true;
    yield* whole;
  }
  transport.use("stream", ({ message }, next) => {
    // An e-mail that does not come is a server that waits, until the time is up.
    message.processFunc((whole) => Readable.from(whenAskedFor(whole)).on("error", () => undefined));
    next();
  });
  const headers: Record<string, string> = unsubscribeUrl
    ? { "List-Unsubscribe": `<${unsubscribeUrl}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }
    : {};
  try {
    await transport.sendMail({ ...mail, headers });
  } catch (error) {
    const { responseCode } = error as { responseCode?: number };
    throw new MailNotSent(!progress.leaving || responseCode !== undefined);
  }
}
