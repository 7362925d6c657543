import "server-only";
import { Readable } from "node:stream";
import { createTransport } from "nodemailer";
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
