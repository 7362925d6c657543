import "server-only";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { createTransport } from "nodemailer";
import SMTPTransport from "nodemailer/lib/smtp-transport/index.js";
import { env } from "@/lib/base/env";
import { refuseInShadow } from "@/lib/base/mode";

interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  messageId?: string;
  /**
   * Called when the server is ready for the e-mail, before any of it leaves. Unless it returns true, nothing
   * is sent.
   */
  begin?: () => Promise<boolean>;
  /** Its recipient has just asked for it on a page, so it is sent in shadow mode too. */
  askedFor?: boolean;
  /** For optional e-mails: the one-click unsubscribe URL (RFC 8058). */
  unsubscribeUrl?: string;
}

/** The e-mail was not handed over. `certain` is false if the server may have accepted it anyway. */
export class MailNotSent extends Error {
  override name = "MailNotSent";
  /** @param reason a code for the operator; never the server's own text, which may quote the address */
  constructor(
    readonly certain: boolean,
    readonly reason: string,
  ) {
    super(`The e-mail could not be handed over (${reason})`);
  }
}

/** The reason when `begin` returned false: nothing was sent, and nothing went wrong. */
export const overtaken = "OVERTAKEN";

const idleMs = 10_000;
/** A server that trickles bytes is never idle, so the whole handover needs a limit too. */
const totalMs = 20_000;

/**
 * Hands one e-mail to the server at SMTP_URL. Returns once that server has accepted it, and throws after
 * `withinMs` milliseconds at the latest.
 * @throws MailNotSent; AppError shadow-mode for an e-mail that nobody asked for
 */
export async function sendMail(
  { unsubscribeUrl, begin, askedFor = false, ...mail }: Mail,
  withinMs = totalMs,
): Promise<void> {
  if (!askedFor) refuseInShadow();
  const handover = beginHandover(withinMs);
  /** The body, which is read only once the server has asked for the e-mail. */
  async function* whenAskedFor(whole: Readable) {
    if (begin && !(await begin().catch(handover.stop))) return handover.stop({ code: overtaken });
    if (handover.over) return;
    handover.leaving = true;
    yield* whole;
  }
  const transport = createTransport(handover.transport, { from: env().EMAIL_FROM });
  transport.use("stream", ({ message }, next) => {
    message.processFunc((whole) => Readable.from(whenAskedFor(whole)).on("error", () => undefined));
    next();
  });
  const headers: Record<string, string> = unsubscribeUrl
    ? { "List-Unsubscribe": `<${unsubscribeUrl}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }
    : {};
  try {
    await Promise.race([transport.sendMail({ ...mail, headers }), handover.stopped]);
  } catch (error) {
    const { responseCode, code } = error as { responseCode?: number; code?: string };
    throw new MailNotSent(
      !handover.leaving || responseCode !== undefined,
      String(responseCode ?? code ?? "UNKNOWN"),
    );
  } finally {
    handover.end();
  }
}

/** We open the connection to SMTP_URL ourselves, because only the socket's owner can end it at any moment. */
function beginHandover(withinMs: number) {
  let fail: (reason: object) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => (fail = reject));
  stopped.catch(() => undefined);
  const sockets: ReturnType<typeof connect>[] = [];
  const end = () => {
    handover.over = true;
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  };
  const stop = (reason: object): false => {
    // Fail before closing the socket, so that nothing after this is mistaken for the server's answer.
    fail(reason);
    end();
    return false;
  };
  const timer = setTimeout(() => stop({ code: "ETIMEDOUT" }), withinMs);
  const transport = new SMTPTransport({
    url: env().SMTP_URL,
    connectionTimeout: idleMs,
    greetingTimeout: idleMs,
    socketTimeout: idleMs,
    getSocket(options, ready) {
      const socket = connect({
        host: options.host ?? "localhost",
        port: Number(options.port) || (options.secure ? 465 : 587),
      });
      sockets.push(socket);
      const failed = (error: Error) => ready(error, {});
      socket.once("error", failed);
      socket.on("error", () => undefined);
      socket.once("connect", () => {
        socket.off("error", failed);
        ready(null, { connection: socket });
      });
    },
  });
  const handover = { transport, stopped, stop, end, leaving: false, over: false };
  return handover;
}
