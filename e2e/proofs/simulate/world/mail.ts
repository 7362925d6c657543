import { Readable } from "node:stream";
import type { Random } from "../history/random";
import type { Owner, Scheduler } from "../scheduler";

/** What can go wrong with mail right now, as shares of e-mails. */
export interface MailTrouble {
  refused: number;
  hang: number;
  answerLost: number;
}

export const noMailTrouble: MailTrouble = { refused: 0, hang: 0, answerLost: 0 };

/** One e-mail that the server accepted. */
export interface SentMail {
  to: string;
  subject: string;
  messageId: string;
  at: number;
}

interface Message {
  processFunc: (transform: (whole: Readable) => Readable) => void;
}

/** The mail server, as lib/mail.ts sees it through nodemailer. */
export class MailServer {
  trouble: MailTrouble = noMailTrouble;
  readonly sent: SentMail[] = [];

  constructor(
    private readonly scheduler: Scheduler,
    private readonly random: Random,
    /** Called when an e-mail starts to leave, with the time at which the server has all of it. */
    private readonly took: (mail: SentMail) => void,
  ) {}

  nodemailerFor(owner: Owner): unknown {
    return { createTransport: () => this.transportFor(owner), default: {} };
  }

  private transportFor(owner: Owner) {
    const plugins: ((mail: { message: Message }, next: () => void) => void)[] = [];
    return {
      use: (_: string, plugin: (mail: { message: Message }, next: () => void) => void) =>
        plugins.push(plugin),
      sendMail: async (mail: { to: string; subject: string; messageId?: string }) => {
        const { scheduler, random, trouble } = this;
        const transforms: ((whole: Readable) => Readable)[] = [];
        for (const plugin of plugins)
          plugin({ message: { processFunc: (transform) => transforms.push(transform) } }, () => undefined);
        const dice = random.next();
        await scheduler.sleep(random.between(5, 300), owner);
        if (dice < trouble.refused)
          throw Object.assign(new Error("451 Try again later"), { responseCode: 451 });
        const hangs = dice < trouble.refused + trouble.hang;
        const loses = !hangs && dice < trouble.refused + trouble.hang + trouble.answerLost;
        let whole = Readable.from([mail.subject]);
        for (const transform of transforms) whole = transform(whole);
        const bytes = await this.read(whole, owner);
        if (bytes === null || hangs) {
          await scheduler.sleep(10_000, owner);
          throw Object.assign(new Error("Timeout"), { code: "ETIMEDOUT" });
        }
        await scheduler.sleep(random.between(1, 200), owner);
        const sent: SentMail = {
          to: mail.to,
          subject: mail.subject,
          messageId: mail.messageId ?? "",
          at: scheduler.now,
        };
        this.sent.push(sent);
        scheduler.note(`mail ${sent.to} ${sent.subject}`);
        this.took(sent);
        if (loses) {
          await scheduler.sleep(10_000, owner);
          throw Object.assign(new Error("Timeout"), { code: "ETIMEDOUT" });
        }
        await scheduler.sleep(random.between(1, 100), owner);
      },
    };
  }

  /** Reads the whole text; null if the stream fails. */
  private async read(whole: Readable, owner: Owner): Promise<string | null> {
    return new Promise((resolve) => {
      let bytes = "";
      whole.on("data", (chunk: string) => (bytes += chunk));
      whole.on("end", () => owner.alive && resolve(bytes));
      whole.on("error", () => owner.alive && resolve(null));
    });
  }
}
