import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";
import type { Mail, World } from "../world/model";

const largestMail = 1024 * 1024;
const keptMails = 1000;

export class Mailbox {
  private arrivals = new EventEmitter().setMaxListeners(0);

  constructor(private world: World) {}

  /** Newest first. */
  list(to?: string): Mail[] {
    const wanted = to?.toLowerCase();
    return this.world.mail
      .filter((mail) => wanted === undefined || mail.to.toLowerCase() === wanted)
      .reverse();
  }

  find(id: string): Mail | undefined {
    return this.world.mail.find((mail) => mail.id === id);
  }

  clear(to?: string) {
    const gone = new Set(this.list(to));
    this.world.mail = this.world.mail.filter((mail) => !gone.has(mail));
    this.world.changed();
  }

  /** Resolves with the newest mail to this address as soon as one arrives after the given id. */
  async wait(to: string, after: string, timeoutMs: number): Promise<Mail | undefined> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const mail = this.list(to).find(({ id }) => Number(id) > Number(after));
      if (mail || deadline.aborted) return mail;
      await once(this.arrivals, "mail", { signal: deadline }).catch(() => undefined);
    }
  }

  async receive(raw: Buffer, recipients: string[]) {
    const parsed = await PostalMime.parse(raw);
    for (const to of recipients) {
      this.world.mail.push({
        id: String(this.world.nextMailId++),
        to,
        from: parsed.from?.address ?? "",
        subject: parsed.subject ?? "",
        text: parsed.text ?? "",
        html: parsed.html ?? null,
        links: linksIn(parsed.text ?? "", parsed.html ?? ""),
        receivedAt: new Date(this.world.now()).toISOString(),
      });
    }
    this.world.mail.splice(0, Math.max(0, this.world.mail.length - keptMails));
    this.world.changed();
    this.arrivals.emit("mail");
  }

  createSmtpServer(): SMTPServer {
    return new SMTPServer({
      authOptional: true,
      disabledCommands: ["AUTH", "STARTTLS"],
      disableReverseLookup: true,
      logger: false,
      size: largestMail,
      closeTimeout: 100,
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => {
          if (!stream.sizeExceeded) chunks.push(chunk);
        });
        stream.on("end", () => {
          if (stream.sizeExceeded) {
            done(Object.assign(new Error("Message too large"), { responseCode: 552 }));
            return;
          }
          const recipients = session.envelope.rcptTo.map(({ address }) => address);
          this.receive(Buffer.concat(chunks), recipients).then(
            () => done(null, `Kept as ${randomUUID()}`),
            done,
          );
        });
      },
    });
  }
}

function linksIn(text: string, html: string): string[] {
  const inText = text.match(/https?:\/\/[^\s<>"']+/g) ?? [];
  const inHtml = [...html.matchAll(/href\s*=\s*["']([^"']+)["']/gi)].map(([, href = ""]) =>
    href.replaceAll("&amp;", "&"),
  );
  const links = [...inText.map((link) => link.replace(/[.,;:!?)\]]+$/, "")), ...inHtml];
  return [...new Set(links)].filter((link) => /^https?:/.test(link));
}
