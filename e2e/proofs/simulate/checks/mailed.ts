import type { SentMail } from "../world/mail";
import type { Database } from "../database/database";
import type { Ledger } from "./ledger";

/** The parts of a simulation that mails are checked against. */
interface Surroundings {
  database: Database;
  ledger: Ledger;
  maintained: boolean;
  fail: (invariant: string, detail: string) => void;
}

interface Notice {
  kind: string;
  episode: string;
  connection: string;
  user: string;
  created: string;
  claimed: string;
  plain: boolean;
}

/** How long an e-mail may still leave after a statement that contradicts it. */
const graceMs = 5_000;
/** A break's e-mail waits this long for other breaks; any recorded well before it leaves must be included. */
const gatheredMs = 9 * 60_000;
const surelyBeforeMs = 150_000;

/** Checks each outgoing e-mail against SnapTrade's statements and against earlier e-mails. */
export class Mailed {
  /** The e-mail that reported each episode, by kind and episode. */
  private readonly mailedBy = new Map<string, string>();
  /** When each person's newest e-mail about breaks was composed. */
  private readonly reportedAt = new Map<string, number>();

  constructor(private readonly simulation: Surroundings) {}

  /** Call when the mail server accepts an e-mail. */
  accepted(mail: SentMail) {
    const notices = this.simulation.database.query<Notice>(
      `select n.kind, n.episode_id as episode, e.connection_id as connection, n.user_id as "user", n.created_at as created, n.locked_until - interval '2 minutes' as claimed,
        n.held_at is null and n.attempts = 1 as plain
      from notices n join episodes e on e.id = n.episode_id where n.mail_id = '${mail.messageId.replaceAll("'", "")}'`,
    );
    for (const notice of notices) {
      this.checkOnce(notice, mail);
      this.checkTrue(notice, mail);
      if (notice.kind === "broke") this.checkGathered(notice, mail);
    }
    for (const { kind, user, claimed } of notices)
      if (kind === "broke") this.reportedAt.set(user, Date.parse(claimed));
  }

  private checkOnce({ kind, episode, connection }: Notice, { messageId }: SentMail) {
    const name = `${kind} ${episode}`;
    const before = this.mailedBy.get(name);
    if (before && before !== messageId)
      this.simulation.fail(
        "each kind of e-mail reports each episode once",
        `${name} for ${connection}: ${before}, ${messageId}`,
      );
    this.mailedBy.set(name, messageId);
  }

  private checkTrue({ kind, connection }: Notice, mail: SentMail) {
    const statement = this.simulation.ledger.newest.get(connection);
    const wanted = kind === "fixed" ? "enabled" : "disabled";
    if (statement && statement.state !== wanted && mail.at - statement.receivedAt > graceMs)
      this.simulation.fail(
        "every e-mail is true when it is sent",
        `"${mail.subject}" (${kind}) to ${mail.to}, while SnapTrade had said "${statement.state}" ${Math.round((mail.at - statement.receivedAt) / 1000)} s before`,
      );
  }

  /** A break that was known when an e-mail was composed is in that e-mail, not in another one soon after. */
  private checkGathered({ user, created, claimed, plain }: Notice, mail: SentMail) {
    const before = this.reportedAt.get(user);
    if (before === undefined || !plain || this.simulation.maintained) return;
    if (Date.parse(claimed) - before < gatheredMs && before - Date.parse(created) > surelyBeforeMs)
      this.simulation.fail(
        "breaks of one person close together make one e-mail",
        `"${mail.subject}" to ${mail.to} leaves ${Math.round((Date.parse(claimed) - before) / 1000)} s after another one, about a break that was already known`,
      );
  }
}
