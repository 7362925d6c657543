import type { Action } from "../history/actions";
import type { Random } from "../history/random";
import type { AppProcess } from "../programs";
import type { Simulation } from "../simulation";
import type { People } from "./people";
import type { Person } from "./person";
import type { Troubles } from "./troubles";
import type { Visits } from "./visits";

type ImportAction = Extract<Action, { action: "import" }>;
type FixAction = Extract<Action, { action: "fix-session" }>;

interface Made {
  id: string;
  url: string;
}

const againMs = 10_000;
const maxTries = 12;

/** What the company's own servers and operators do: endpoints, imports, and fix sessions through the API. */
export class Company {
  private readonly dice: Random;
  private key: string | null = null;
  private requests = 0;
  /** The secrets that the company holds, by SnapTrade user. */
  private readonly secrets = new Map<string, string>();

  constructor(
    private readonly simulation: Simulation,
    private readonly people: People,
    private readonly visits: Visits,
    private readonly troubles: Troubles,
  ) {
    this.dice = simulation.random("company");
  }

  /** An adopted person's secret stays the one that the company knows. */
  check() {
    const { world } = this.simulation;
    for (const [name, secret] of this.secrets)
      if ((world.user(name)?.userSecret ?? secret) !== secret)
        this.simulation.fail("an adopted person's secret is never changed", `user ${name}`);
  }

  /** Adds the endpoint, and lets each process deliver soon after something happened. */
  async addEndpoint(): Promise<void> {
    const { simulation } = this;
    for (const process of simulation.processes) process?.app.startDelivering();
    const id = "00000000-0000-4000-8000-00000000e000";
    const added = await this.retry("adding an endpoint", ({ app }, now) =>
      app.addEndpoint("https://company.sim/events", null, now, id),
    );
    if (!added) return;
    const [last] = simulation.database.query<{ position: number }>(
      "select coalesce(max(position), 0) as position from events",
    );
    simulation.receiver.addedAfter = last?.position ?? 0;
  }

  async removeEndpoint(): Promise<void> {
    const { simulation } = this;
    const [endpoint] = simulation.database.query<{ id: string }>("select id from event_endpoints");
    if (!endpoint) return;
    simulation.receiver.addedAfter = null;
    const removed = await this.retry("removing an endpoint", ({ app }, now) =>
      app.removeEndpoint(endpoint.id, now).then(() => true),
    );
    if (removed) simulation.receiver.removedAt = simulation.scheduler.now;
  }

  /** Imports people whom the company has registered, until all are here. */
  async importPeople({ people: imported, killMs, twice }: ImportAction): Promise<void> {
    const { simulation } = this;
    const made = imported.map((one) => this.register(one));
    const file = Buffer.from(made.map(({ line }) => `${JSON.stringify(line)}\n`).join(""));
    let left = twice ? 2 : 1;
    for (let turn = 0; turn < maxTries && left > 0; turn++) {
      const rejected = await this.runImport(file, turn === 0 ? killMs : 0);
      if (rejected === 0) left--;
      else await simulation.scheduler.sleep(againMs);
    }
    if (left > 0) return;
    for (const { person, line } of made) {
      const [row] = simulation.database.query<{ id: string; known: number }>(
        `select u.id, (select count(*)::int from connections where user_id = u.id) as known from users u
        join snaptrade_users s on s.user_id = u.id
        where u.external_id = '${line.externalId}' and s.snaptrade_user_id = '${line.snapTradeUserId}'`,
      );
      if (!row || row.known === 0)
        simulation.fail(
          "everyone in an import that succeeded is here with their connections",
          `${line.externalId} ${row ? "has no connection" : "is not here"}`,
        );
      person.userId = row?.id ?? "";
    }
  }

  /** Runs the command that makes a new secret, which it refuses for people whom the company registered. */
  async resetSecret(person: Person): Promise<void> {
    const { simulation } = this;
    if (!person.userId) return;
    const command = simulation.startCommand();
    const done = await command.app
      .resetUserSecret(person.userId, "/secrets", new Date(simulation.scheduler.now))
      .catch(() => "nothing");
    simulation.say(`resetting the secret of person ${person.index}: ${done}`);
    simulation.end(command);
  }

  private register({ brokerage, broken, hasEmail }: ImportAction["people"][number]) {
    const { emulator, world } = this.simulation;
    const index = this.people.people.length;
    const name = `company-${index}`;
    const user = world.register(name);
    this.secrets.set(name, user.userSecret);
    const found = emulator.brokerages.find(({ slug }) => slug === brokerage);
    if (found)
      emulator.addConnection(world, user, {
        brokerage: found,
        createdAt: world.now() - 40 * 86_400_000,
        ...(broken ? { disabledAt: world.now() - 7_200_000 } : {}),
      });
    const email = hasEmail ? `person${index}@people.sim` : null;
    const person: Person = { index, email, externalId: `person-${index}`, userId: "", leaving: false };
    this.people.people.push(person);
    const { userSecret } = user;
    const line = {
      externalId: person.externalId,
      snapTradeUserId: name,
      userSecret,
      ...(email && { email }),
    };
    return { person, line };
  }

  /** @returns how many lines were rejected; null if the command was killed or failed */
  private async runImport(file: Buffer, killMs: number): Promise<number | null> {
    const { simulation } = this;
    const { scheduler } = simulation;
    const command = simulation.startCommand();
    const killed = new Promise<null>((resolve) => {
      if (killMs > 0) scheduler.after(killMs, () => resolve(null));
    });
    const chunks = async function* () {
      yield await Promise.resolve(file);
    };
    const counts = command.app
      .importUsers(chunks(), {
        dryRun: false,
        clock: () => new Date(scheduler.now),
        sleep: (ms) => scheduler.sleep(ms, command.owner),
        onRejected: () => Promise.resolve(),
        onProgress: () => undefined,
      })
      .then(
        ({ rejected }) => rejected,
        () => null,
      );
    const rejected = await Promise.race([counts, killed]);
    simulation.say(`the import ${rejected === null ? "stopped" : `ended, ${rejected} rejected`}`);
    simulation.end(command);
    return rejected;
  }

  /** Makes a fix session, repeating the request until it is answered, and once more; later the person comes. */
  async sendToFix(person: Person, connectionId: string, action: FixAction): Promise<void> {
    const { scheduler } = this.simulation;
    const request = `request-${++this.requests}`;
    const body = {
      user: person.externalId,
      expires_in: action.expiresInSeconds,
      ...(action.forOne && { connection: connectionId }),
    };
    let made: Made | null = null;
    for (let turn = 0; turn < 4 && !made; turn++) {
      const answer = await this.post("/fix-sessions", request, body);
      if (answer && answer.status >= 400 && answer.status < 429 && answer.status !== 409) return;
      if (answer?.status === 201) made = answer.made;
      else await scheduler.sleep(3_000);
    }
    if (!made) return;
    const { id } = made;
    const again = await this.post("/fix-sessions", request, body);
    const excused = ["database", "kill"].some((what) => this.troubles.had(what, 60_000));
    if (again?.status === 201 && !excused && (again.made.id !== id || again.made.url !== made.url))
      this.simulation.fail(
        "a repeated request gets the first one's answer",
        `${request}: ${id.slice(0, 8)}, then ${again.made.id.slice(0, 8)} with ${again.made.url === made.url ? "the same" : "another"} link`,
      );
    await scheduler.sleep(action.comesMs);
    await this.people.page("a fix session's page", ({ app, clockAheadMs }) =>
      app.getFixPage(person.userId, id, {
        now: new Date(scheduler.now + clockAheadMs),
        dayStartedAt: new Date(0),
      }),
    );
    await this.visits.takeStep(person, id, action.visit);
  }

  /** @returns null if nobody answered */
  private async post(path: string, idempotencyKey: string, body: object) {
    this.key ??= await this.retry("making a key", ({ app }, now) =>
      app.createApiKey("company", ["fix-sessions:write"], now),
    );
    const headers = {
      Authorization: `Bearer ${this.key ?? ""}`,
      "Content-Type": "application/json",
      "Idempotency-Key": idempotencyKey,
    };
    return this.people.page("the API", async ({ app, clockAheadMs }) => {
      const request = new Request(`https://app.sim/api/v1${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      const now = new Date(this.simulation.scheduler.now + clockAheadMs);
      const answer = await app.handle(request, app.operations, now);
      const inTrouble = ["database", "kill"].some((what) => this.troubles.had(what, 60_000));
      if (answer.status === 500 && !inTrouble)
        this.simulation.fail("the API never ends unexpectedly while the database works", path);
      return { status: answer.status, made: (await answer.json()) as Made };
    });
  }

  private async retry<T>(
    what: string,
    work: (process: AppProcess, now: Date) => Promise<T>,
  ): Promise<T | null> {
    const { scheduler } = this.simulation;
    for (let turn = 0; turn < maxTries; turn++) {
      const done = await this.people.page(what, (process) =>
        work(process, new Date(scheduler.now + process.clockAheadMs)),
      );
      if (done) return done;
      await scheduler.sleep(this.dice.between(2_000, 4_000));
    }
    return null;
  }
}
