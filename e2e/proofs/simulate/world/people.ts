import { OpenPage } from "./open-page";
import type { AppProcess } from "../programs";
import { describe, type Simulation } from "../simulation";
import type { Person, WorldUser } from "./person";
import type { Troubles } from "./troubles";

/** What people do, through the functions their pages call; each call goes to a random process. */
export class People {
  readonly people: Person[] = [];
  private readonly dice;

  constructor(
    private readonly simulation: Simulation,
    private readonly troubles: Troubles,
  ) {
    this.dice = simulation.random("people");
  }

  /** Whether trouble is over; from then on, nobody may see an error. */
  quiet = false;

  /** A person signs in for the first time, with existing connections at SnapTrade. */
  async arrive(connections: { brokerage: string; broken: boolean }[]): Promise<void> {
    const { simulation } = this;
    const index = this.people.length;
    const person: Person = {
      index,
      email: `person${index}@people.sim`,
      externalId: `person-${index}`,
      userId: "",
      leaving: false,
    };
    this.people.push(person);
    for (let attempt = 0; attempt < 20 && !person.userId; attempt++) {
      await this.page("signing in", async ({ app, clockAheadMs }) => {
        const db = await app.database();
        const [row] = await db
          .insert(app.users)
          .values({ email: person.email, externalId: person.externalId })
          .onConflictDoUpdate({ target: app.users.email, set: { email: person.email } })
          .returning();
        await app.requireSnapTradeCredentials(
          row?.id ?? "",
          new Date(simulation.scheduler.now + clockAheadMs),
        );
        person.userId = row?.id ?? "";
      });
      if (!person.userId) await simulation.scheduler.sleep(3_000);
    }
    const user = this.userOf(person);
    if (!user) return;
    for (const { brokerage, broken } of connections) {
      const found = simulation.emulator.brokerages.find(({ slug }) => slug === brokerage);
      if (!found) continue;
      const createdAt = simulation.world.now() - 40 * 86_400_000;
      simulation.emulator.addConnection(simulation.world, user, {
        brokerage: found,
        createdAt,
        ...(broken ? { disabledAt: simulation.world.now() - 7_200_000 } : {}),
      });
    }
    await this.keepPageOpen(person, 4_000);
  }

  /** The person's record at SnapTrade. */
  userOf(person: Person | undefined): WorldUser | undefined {
    if (!person?.userId) return undefined;
    const [row] = this.simulation.database.query<{ name: string }>(
      "select snaptrade_user_id as name from snaptrade_users where user_id = $1",
      person.userId,
    );
    return row ? this.simulation.world.user(row.name) : undefined;
  }

  /** Runs one page or action of the app. People see a thrown error as an error page. */
  async page<T>(what: string, work: (process: AppProcess) => Promise<T>): Promise<T | null> {
    const process = this.simulation.someProcess(this.dice);
    if (!process) return null;
    try {
      return await work(process);
    } catch (error) {
      const refusal = error instanceof process.app.AppError ? error.code : null;
      this.simulation.scheduler.note(`${what} ${refusal ?? "error"}`);
      if (refusal === null && this.quiet && !this.troubles.had("recovery", 60_000))
        this.simulation.fail(
          "nobody meets an error page when there is no trouble",
          `${what}: ${describe(error)}`,
        );
      if (refusal === "snaptrade-busy") this.refused(what);
      return null;
    }
  }

  private refused(what: string) {
    if (this.troubles.had("network", 130_000) || this.troubles.had("database", 130_000)) return;
    this.simulation.say(`somebody was shown that SnapTrade is busy: ${what}`);
  }

  /** Keeps the list of connections open. */
  async keepPageOpen(person: Person, ms: number): Promise<void> {
    await new OpenPage(this.simulation, this.troubles, this, person).stayOpen(ms);
  }

  /** Presses "Check now". */
  async checkNow(person: Person): Promise<void> {
    const calls = this.simulation.ledger.callsOf(this.userOf(person)?.userId);
    await this.page("check now", async ({ app, clockAheadMs }) => {
      const now = new Date(this.simulation.scheduler.now + clockAheadMs);
      await app.countCheck(person.userId, now);
      const result = await app.look(person.userId, now);
      if (result.looked || result.reason !== "busy" || calls >= 15) return;
      if (
        this.troubles.had("network limit", 130_000) ||
        this.troubles.had("database", 130_000) ||
        this.troubles.had("kill", 130_000)
      )
        return;
      this.simulation.fail(
        "nobody is refused for what others have used up",
        `person ${person.index} had made ${calls} calls in the last minute but had to wait`,
      );
    });
  }

  /** Sends requests as fast as their browser can, in many tabs. */
  async hammer(person: Person, ms: number): Promise<void> {
    const { scheduler } = this.simulation;
    const endsAt = scheduler.now + ms;
    const [session] = this.simulation.database.query<{ id: string }>(
      `select id from portal_sessions where user_id = '${person.userId}' and outcome is null limit 1`,
    );
    let pages = 0;
    const loop = async () => {
      while (scheduler.now < endsAt && pages++ < 140) {
        await this.page("hammering", async ({ app, clockAheadMs }) => {
          const now = new Date(scheduler.now + clockAheadMs);
          if (session)
            await app.checkPortal({
              userId: person.userId,
              portalSessionId: session.id,
              reportedResult: null,
              over: false,
              now,
            });
          else
            await app.openConnect({
              userId: person.userId,
              brokerage: "KRAKEN",
              beside: true,
              darkMode: false,
              now,
            });
        });
        await scheduler.sleep(5);
      }
    };
    await Promise.all(Array.from({ length: session ? 3 : 8 }, loop));
  }

  async remove(person: Person, connectionId: string): Promise<void> {
    await this.page("removing", ({ app, clockAheadMs }) =>
      app.requestRemoval(person.userId, connectionId, new Date(this.simulation.scheduler.now + clockAheadMs)),
    );
  }

  async forget(person: Person): Promise<void> {
    person.leaving = true;
    const { scheduler } = this.simulation;
    const asked = await this.page("leaving", async ({ app, clockAheadMs }) => {
      await app.requestForgetting(person.userId, new Date(scheduler.now + clockAheadMs));
      return true;
    });
    person.leaving = asked ?? false;
  }

  /** Posts something that SnapTrade never would, or that nobody expects. */
  async sendOdd(kind: string, user: WorldUser | undefined): Promise<void> {
    const { emulator, world, scheduler } = this.simulation;
    const ids = {
      webhookId: `odd-${this.dice.between(0, 1e9)}`,
      clientId: world.partner.clientId,
      userId: user?.userId ?? "nobody",
    };
    const time = (ms: number) => new Date(ms).toISOString().replace("Z", "000+00:00");
    const broken = {
      ...ids,
      eventType: "CONNECTION_BROKEN",
      eventTimestamp: time(world.now()),
      brokerageAuthorizationId: user?.connections[0]?.id ?? "nothing",
    };
    const odd: Record<string, object> = {
      forged: broken,
      "not-json": broken,
      surrogate: {
        ...ids,
        eventType: "CONNECTION_ATTEMPTED",
        eventTimestamp: time(world.now()),
        connectionAttemptedResult: "\ud800",
      },
      "year-0": {
        ...ids,
        eventType: "CONNECTION_UPDATED",
        eventTimestamp: "0000-01-01T00:00:00.000000+00:00",
      },
      future: { ...ids, eventType: "CONNECTION_UPDATED", eventTimestamp: time(scheduler.now + 86_400_000) },
      foreign: {
        ...ids,
        clientId: "SOMEBODY-ELSE",
        eventType: "CONNECTION_UPDATED",
        eventTimestamp: time(world.now()),
      },
    };
    const event = odd[kind] ?? broken;
    const signature = emulator.signEvent(kind === "forged" ? "a guess" : world.partner.consumerKey, event);
    const body = kind === "not-json" ? "{" : emulator.writeBody(event, "compact");
    const status = await this.simulation.post(Buffer.from(body), signature).catch(() => null);
    if ((kind === "forged" || kind === "not-json") && status === 204)
      this.simulation.fail("nothing without SnapTrade's signature is accepted", kind);
  }

  breakOne(snapTradeUserId: string, connectionId: string) {
    const { world, emulator } = this.simulation;
    const user = world.user(snapTradeUserId);
    const connection = user?.connections.find(({ id }) => id === connectionId);
    if (!user || !connection || connection.disabled) return;
    this.simulation.say(
      `${connection.slug} of ${user.userId.slice(0, 8)} breaks (${connectionId.slice(0, 8)})`,
    );
    emulator.breakConnection(world, user, connection);
  }
}
