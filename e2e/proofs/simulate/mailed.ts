import type { SentMail } from "./mail";
import type { Simulation } from "./simulation";

interface Notice {
  kind: string;
  episode: string;
  connection: string;
  user: string;
  created: string;
  claimed: string;
  plain: boolean;
}

/** From what SnapTrade said to an e-mail that is already leaving. */
const graceMs = 5_000;
/**
 * A break waits this long for others before it is told; what is recorded well before that must be told along
 * with it.
 */
const gatheredMs = 9 * 60_000;
const surelyBeforeMs = 150_000;

/** Holds each e-mail that leaves against what SnapTrade has said, and against those before it. */
export class Mailed {
  /** By which e-mail each kind was told about each episode. */
  private readonly told = new Map<string, string>();
  /** When the newest e-mail about breaks was put together, by person. */
  private readonly reportedAt = new Map<string, number>();

  constructor(private readonly simulation: Simulation) {}

  /** The mail server has taken an e-mail. */
  took(mail: SentMail) {
    const notices = this.simulation.database.query<Notice>(
      `select n.kind, n.episode_id as episode, e.connection_id as connection, n.user_id as "user", n.created_at as created, n.locked_until - interval '2 minutes' as claimed,
        n.held_at is null and n.attempts = 1 as plain
      from notices n join episodes e on e.id = n.episode_id where n.mail_id = '${mail.messageId.replaceAll("'", "")}'`,
    );
    for (const notice of notices) {
      this.isToldOnce(notice, mail);
      this.isTrue(notice, mail);
      if (notice.kind === "broke") this.isGathered(notice, mail);
    }
    for (const { kind, user, claimed } of notices)
      if (kind === "broke") this.reportedAt.set(user, Date.parse(claimed));
  }

  private isToldOnce({ kind, episode, connection }: Notice, { messageId }: SentMail) {
    const name = `${kind} ${episode}`;
    const before = this.told.get(name);
    if (before && before !== messageId)
      this.simulation.fail(
        "each episode is told once by each kind of e-mail",
        `${name} for ${connection}: ${before}, ${messageId}`,
      );
    this.told.set(name, messageId);
  }

  private isTrue({ kind, connection }: Notice, mail: SentMail) {
    const told = this.simulation.ledger.told.get(connection);
    const wanted = kind === "fixed" ? "enabled" : "disabled";
    if (told && told.state !== wanted && mail.at - told.toldAt > graceMs)
      this.simulation.fail(
        "every e-mail is true when it is sent",
        `"${mail.subject}" (${kind}) to ${mail.to}, while SnapTrade had said "${told.state}" ${Math.round((mail.at - told.toldAt) / 1000)} s before`,
      );
  }

  /**
   * A break that was known when an e-mail was put together is in it, rather than in another one soon after.
   */
  private isGathered({ user, created, claimed, plain }: Notice, mail: SentMail) {
    const before = this.reportedAt.get(user);
    if (before === undefined || !plain || this.simulation.maintained) return;
    if (Date.parse(claimed) - before < gatheredMs && before - Date.parse(created) > surelyBeforeMs)
      this.simulation.fail(
        "breaks of one person close together make one e-mail",
        `"${mail.subject}" to ${mail.to} leaves ${Math.round((Date.parse(claimed) - before) / 1000)} s after another one, about a break that was known`,
      );
  }
}
