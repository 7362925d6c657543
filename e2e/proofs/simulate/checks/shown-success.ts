import type { AppProcess } from "../programs";
import type { Simulation } from "../simulation";
import type { Troubles } from "../world/troubles";

type PortalView = Awaited<ReturnType<AppProcess["app"]["checkPortal"]>>;

/** SnapTrade dates its answers in whole seconds, and asking takes a moment. */
const dateMs = 3_000;
/** The time from an answer until pages show it. */
const storedMs = 5_000;

/** Checks what a portal session shows as success against what SnapTrade had stated by then. */
export class ShownSuccess {
  constructor(
    private readonly simulation: Simulation,
    private readonly troubles: Troubles,
  ) {}

  /** @param openedAt when the session was requested, on the simulation's clock */
  judge({ outcome, connectionId, accounts, accountsBack }: PortalView, openedAt: number) {
    if (outcome.state !== "fixed" && outcome.state !== "connected") return;
    const id = outcome.state === "connected" ? outcome.connectionId : (connectionId ?? "");
    this.readAgrees(id, openedAt);
    if (outcome.state === "fixed" && accountsBack) this.accountsAreBack(id, openedAt, accountsBack);
    if (outcome.state === "connected" && accounts.length > 0)
      this.matches(
        id,
        accounts.length,
        (listed) => accounts.every((one) => listed.includes(one.id)),
        "accounts of a new connection",
      );
  }

  private get excused() {
    const { troubles } = this;
    return troubles.had("database", 150_000) || troubles.had("kill", 150_000);
  }

  /** Within a session, an event alone isn't enough while SnapTrade can be read. */
  private readAgrees(id: string, openedAt: number) {
    if (this.excused || this.troubles.had("unreachable", 150_000) || this.troubles.hadNoTimer(60_000)) return;
    const readAt = this.simulation.ledger.readWorkingAt.get(id) ?? Number.NEGATIVE_INFINITY;
    if (readAt < openedAt - dateMs)
      this.simulation.fail(
        "inside a portal session success is shown only once a read agrees",
        `connection ${id.slice(0, 8)}: no read since the session opened has found it working`,
      );
  }

  /**
   * "3 of 3 accounts are back" appears only after SnapTrade was asked for them since the repair, and only as
   * it answered.
   */
  private accountsAreBack(
    id: string,
    openedAt: number,
    { expected, missing }: NonNullable<PortalView["accountsBack"]>,
  ) {
    const { ledger } = this.simulation;
    const gone = missing.map((one) => one.id);
    const [repairedAt] = ledger
      .eventsOf(id, ["CONNECTION_FIXED", "CONNECTION_UPDATED"])
      .filter((at) => at >= openedAt - dateMs);
    if (
      repairedAt !== undefined &&
      !ledger.accountAnswers(id).some(({ askedAt }) => askedAt >= repairedAt - dateMs)
    )
      this.failReceipt(
        id,
        `${expected - gone.length} of ${expected} are reported as back, but SnapTrade was not asked since the repair`,
      );
    this.matches(
      id,
      expected - gone.length,
      (listed) => !gone.some((one) => listed.includes(one)),
      `accounts that are back, ${gone.length} missing`,
    );
    if (repairedAt === undefined || this.excused) return;
    const [brokeAt] = ledger
      .eventsOf(id, ["CONNECTION_BROKEN"])
      .filter((at) => at < repairedAt)
      .slice(-1);
    const before = ledger
      .accountAnswers(id)
      .findLast(({ askedAt }) => brokeAt !== undefined && askedAt < brokeAt - dateMs)
      ?.ids.get(id);
    const now = ledger.accountAnswers(id).at(-1);
    if (!before || !now || now.answeredAt > this.simulation.scheduler.now - storedMs) return;
    const lost = before.filter((one) => !now.ids.get(id)?.includes(one) && !gone.includes(one));
    if (lost.length > 0)
      this.failReceipt(
        id,
        `${lost.length} of ${before.length} accounts are gone, but the receipt does not say so`,
      );
  }

  /** Compares with the newest answer, or with one that may not have been stored yet. */
  private matches(id: string, count: number, fits: (listed: string[]) => boolean, what: string) {
    if (this.excused) return;
    const { ledger, scheduler } = this.simulation;
    const all = ledger.accountAnswers(id);
    const stored = all.findLast(({ answeredAt }) => answeredAt <= scheduler.now - storedMs);
    const recent = all.filter(({ answeredAt }) => answeredAt > scheduler.now - storedMs);
    const answers = [...(stored ? [stored] : []), ...recent].map(({ ids }) => ids.get(id) ?? []);
    if (answers.some((listed) => listed.length === count && fits(listed))) return;
    this.failReceipt(
      id,
      `${count} ${what}; SnapTrade lists ${answers.map(({ length }) => length).join(" or ")}`,
    );
  }

  private failReceipt(id: string, detail: string) {
    this.simulation.fail(
      "the receipt's words about accounts agree with what SnapTrade has",
      `connection ${id.slice(0, 8)}: ${detail}`,
    );
  }
}
