import type { AppProcess, Simulation } from "./simulation";
import type { Troubles } from "./troubles";

type PortalView = Awaited<ReturnType<AppProcess["app"]["checkPortal"]>>;

/** SnapTrade dates its answers in whole seconds, and asking takes a moment. */
const dateMs = 3_000;
/** From an answer to what pages show of it. */
const storedMs = 5_000;

/** Holds what a portal session shows as its success against what SnapTrade had told us by then. */
export class ShownSuccess {
  constructor(
    private readonly simulation: Simulation,
    private readonly troubles: Troubles,
  ) {}

  /** @param openedAt when the session was asked for, on the one true clock */
  judge({ outcome, connectionId, accounts, accountsBack }: PortalView, openedAt: number) {
    if (outcome.state !== "fixed" && outcome.state !== "connected") return;
    const id = outcome.state === "connected" ? outcome.connectionId : (connectionId ?? "");
    this.readAgrees(id, openedAt);
    if (outcome.state === "fixed" && accountsBack) this.accountsAreBack(id, openedAt, accountsBack);
    if (outcome.state === "connected" && accounts.length > 0)
      this.matches(
        id,
        accounts.length,
        (told) => accounts.every((one) => told.includes(one.id)),
        "accounts of a new connection",
      );
  }

  private get excused() {
    const { troubles } = this;
    return troubles.had("database", 150_000) || troubles.had("kill", 150_000);
  }

  /** Inside a session, an event alone is not enough while SnapTrade can be read. */
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
   * "3 of 3 accounts are back" only after SnapTrade was asked for them since the repair, and as it answered.
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
      !ledger.accountsTold(id).some(({ askedAt }) => askedAt >= repairedAt - dateMs)
    )
      this.failReceipt(
        id,
        `${expected - gone.length} of ${expected} are said to be back, and SnapTrade was not asked since the repair`,
      );
    this.matches(
      id,
      expected - gone.length,
      (told) => !gone.some((one) => told.includes(one)),
      `accounts that are back, ${gone.length} missing`,
    );
    if (repairedAt === undefined || this.excused) return;
    const [brokeAt] = ledger
      .eventsOf(id, ["CONNECTION_BROKEN"])
      .filter((at) => at < repairedAt)
      .slice(-1);
    const before = ledger
      .accountsTold(id)
      .findLast(({ askedAt }) => brokeAt !== undefined && askedAt < brokeAt - dateMs)
      ?.ids.get(id);
    const now = ledger.accountsTold(id).at(-1);
    if (!before || !now || now.answeredAt > this.simulation.scheduler.now - storedMs) return;
    const lost = before.filter((one) => !now.ids.get(id)?.includes(one) && !gone.includes(one));
    if (lost.length > 0)
      this.failReceipt(
        id,
        `${lost.length} of ${before.length} accounts are not there any more, and the receipt does not say so`,
      );
  }

  /** With the newest answer, or with one that may not have been stored yet. */
  private matches(id: string, count: number, fits: (told: string[]) => boolean, what: string) {
    if (this.excused) return;
    const { ledger, scheduler } = this.simulation;
    const all = ledger.accountsTold(id);
    const settled = all.findLast(({ answeredAt }) => answeredAt <= scheduler.now - storedMs);
    const recent = all.filter(({ answeredAt }) => answeredAt > scheduler.now - storedMs);
    const answers = [...(settled ? [settled] : []), ...recent].map(({ ids }) => ids.get(id) ?? []);
    if (answers.some((told) => told.length === count && fits(told))) return;
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
