import type { Simulation } from "../simulation";
import type { People } from "../world/people";
import type { Troubles } from "../world/troubles";

interface EventRow {
  id: string;
  line: string;
  position: number;
}

/** An attempt that began before the endpoint was gone takes at most this long, unless its machine freezes. */
const underWayMs = 12_000;
const frozenMs = 60_000;

/** Checks what arrived at the company's server against the events that were recorded. */
export class Delivered {
  private checked = 0;
  /** The events that have arrived, in the order of their first arrival. */
  private readonly arrived = new Map<string, EventRow>();
  private readonly newest = new Map<string, number>();

  constructor(
    private readonly simulation: Simulation,
    private readonly people: People,
    private readonly troubles: Troubles,
  ) {}

  check() {
    const { receipts, addedAfter } = this.simulation.receiver;
    if (receipts.length > this.checked) this.takeIn();
    if (addedAfter !== null) this.nothingIsLost(addedAfter);
  }

  private takeIn() {
    const { receiver, database } = this.simulation;
    const fresh = receiver.receipts.slice(this.checked);
    this.checked = receiver.receipts.length;
    const rows = new Map(
      database
        .query<EventRow>("select id, coalesce(connection_id, user_id) as line, position from events")
        .map((row) => [row.id, row]),
    );
    const graceMs = this.troubles.had("kill", frozenMs) ? frozenMs : underWayMs;
    for (const { id, at } of fresh) {
      if (receiver.removedAt !== null && at > receiver.removedAt + graceMs)
        this.simulation.fail("nothing is sent to an endpoint that was removed", `event ${id.slice(0, 8)}`);
      const row = rows.get(id);
      if (row) this.inOrder(row);
      // Deleting a person deletes their events.
      else if (!this.people.people.some(({ leaving }) => leaving))
        this.simulation.fail("only what is recorded is sent", `event ${id.slice(0, 8)} is not recorded`);
    }
  }

  private inOrder(row: EventRow) {
    if (this.arrived.has(row.id)) return;
    this.arrived.set(row.id, row);
    const before = this.newest.get(row.line) ?? 0;
    if (row.position < before)
      this.simulation.fail(
        "events about one connection arrive in their order",
        `event ${row.position} first arrived after event ${before}`,
      );
    this.newest.set(row.line, Math.max(before, row.position));
  }

  /** An event that hasn't arrived has a delivery, which is waiting or dead. */
  private nothingIsLost(addedAfter: number) {
    const rows = this.simulation.database.committed<EventRow>(
      `select e.id, e.position from events e where e.position > $1
        and not exists (select 1 from event_deliveries d where d.event_id = e.id)`,
      String(addedAfter),
    );
    const lost = rows.find(
      ({ id }) => !this.simulation.receiver.receipts.some((receipt) => receipt.id === id),
    );
    if (lost)
      this.simulation.fail(
        "each event is delivered at least once",
        `event ${lost.position} never arrived, and nothing waits`,
      );
  }
}
