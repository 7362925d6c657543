import type { Company } from "./world/company";
import type { Action, History } from "./history/actions";
import type { People } from "./world/people";
import type { Person } from "./world/person";
import type { Simulation } from "./simulation";
import type { Visits } from "./world/visits";
import type { Troubles } from "./world/troubles";

/** Everyone and everything that takes part in a run. */
export interface Cast {
  simulation: Simulation;
  troubles: Troubles;
  people: People;
  visits: Visits;
  company: Company;
  history: History;
}

type ActionKind = Action["action"];
type Of<Kind extends ActionKind> = Action & { action: Kind };
type Act<Kind extends ActionKind> = (cast: Cast, action: Of<Kind>) => void;

/** Acts on one of a person's connections at SnapTrade, if they have any. */
function withConnection<Kind extends ActionKind>(
  act: (cast: Cast, found: NonNullable<ReturnType<typeof connectionOf>>, action: Of<Kind>) => void,
): (cast: Cast, action: Of<Kind> & { person: number; nth: number }) => void {
  return (cast, action) => {
    const found = connectionOf(cast, action.person, action.nth);
    if (found) act(cast, found, action);
  };
}

function connectionOf({ people }: Cast, index: number, nth: number) {
  const person = people.people[index];
  const user = people.userOf(person);
  const connections = user?.connections ?? [];
  const connection = connections[nth % Math.max(1, connections.length)];
  return person && user && connection ? { person, user, connection } : null;
}

/** Runs what a person does with the app, if they are signed in. */
function asPerson({ simulation, people }: Cast, index: number, work: (person: Person) => Promise<unknown>) {
  const person = people.people[index];
  if (person?.userId && !person.leaving) simulation.background("a page", () => work(person));
}

const trouble: Act<"network" | "database" | "webhooks" | "mail" | "receiver"> = ({ troubles }, action) =>
  troubles.begin(action);

const acts: { [Kind in ActionKind]: Act<Kind> } = {
  network: trouble,
  database: trouble,
  webhooks: trouble,
  mail: trouble,
  receiver: trouble,
  endpoint: ({ simulation, company }, { is }) =>
    simulation.background("an endpoint", () =>
      is === "added" ? company.addEndpoint() : company.removeEndpoint(),
    ),
  import: ({ simulation, company }, action) =>
    simulation.background("an import", () => company.importPeople(action)),
  "reset-secret": (cast, { person }) => asPerson(cast, person, (one) => cast.company.resetSecret(one)),
  "fix-session": withConnection<"fix-session">((cast, { person, connection }, action) =>
    asPerson(cast, person.index, (one) => cast.company.sendToFix(one, connection.id, action)),
  ),
  kill({ simulation, troubles, history }, { process, ms }) {
    troubles.happened("kill");
    simulation.killProcess(process);
    simulation.scheduler.after(ms, () => {
      troubles.happened("kill");
      if (!simulation.processes[process])
        simulation.startProcess(process, history.clocksAheadMs.processes[process] ?? 0);
    });
  },
  freeze({ simulation, troubles, history }, { process, ms }) {
    const frozen = simulation.processes[process];
    troubles.happened("kill");
    if (frozen)
      frozen.owner.frozenUntil = Math.min(
        simulation.scheduler.now + ms,
        simulation.scheduler.startedAt + history.troubleMs,
      );
  },
  break: withConnection<"break">(({ people }, { user, connection }) =>
    people.breakOne(user.userId, connection.id),
  ),
  repair: withConnection<"repair">(({ simulation: { emulator, world } }, { user, connection }) => {
    if (connection.disabled) emulator.finishRepair(world, user, connection, world.now());
  }),
  flap: withConnection<"flap">(
    ({ simulation: { emulator, world, scheduler }, people }, { user, connection }, { ms, againMs }) => {
      people.breakOne(user.userId, connection.id);
      scheduler.after(ms, () => {
        if (connection.disabled && user.connections.includes(connection))
          emulator.finishRepair(world, user, connection, world.now());
        if (againMs === 0) return;
        scheduler.after(againMs, () => {
          if (!people.quiet) people.breakOne(user.userId, connection.id);
        });
      });
    },
  ),
  "delete-there": withConnection<"delete-there">(
    ({ simulation: { emulator, world } }, { user, connection }) =>
      emulator.removeConnection(world, user, connection),
  ),
  "account-leaves": withConnection<"account-leaves">(({ simulation }, { connection }) => {
    if (connection.accounts.length < 2) return;
    simulation.say(`${connection.slug} shares one account fewer (${connection.id.slice(0, 8)})`);
    connection.accounts = connection.accounts.slice(0, -1);
  }),
  "timer-stops": ({ troubles }, { ms }) => troubles.stopTimer(ms),
  incident({ simulation: { world }, people }, { brokerage }) {
    for (const user of world.users.values())
      for (const connection of user.connections)
        if (connection.slug === brokerage) people.breakOne(user.userId, connection.id);
  },
  maintenance({ simulation }, { brokerage, ms }) {
    const { world, scheduler } = simulation;
    simulation.maintained = true;
    world.brokerageFlags[brokerage] = { maintenance_mode: true };
    scheduler.after(ms, () => (world.brokerageFlags[brokerage] = {}));
  },
  "open-page": (cast, { person, ms }) => asPerson(cast, person, (one) => cast.people.keepPageOpen(one, ms)),
  "check-now": (cast, { person }) => asPerson(cast, person, (one) => cast.people.checkNow(one)),
  hammer: (cast, { person, ms }) => asPerson(cast, person, (one) => cast.people.hammer(one, ms)),
  reconnect: withConnection<"reconnect">((cast, { person, connection }, { visit }) =>
    asPerson(cast, person.index, (one) => cast.visits.reconnect(one, connection.id, visit)),
  ),
  connect: (cast, { person, brokerage, visit }) =>
    asPerson(cast, person, (one) => cast.visits.connect(one, brokerage, visit)),
  remove: withConnection<"remove">((cast, { person, connection }) =>
    asPerson(cast, person.index, (one) => cast.people.remove(one, connection.id)),
  ),
  forget: (cast, { person }) => asPerson(cast, person, (one) => cast.people.forget(one)),
  arrive: ({ simulation, people, history }) =>
    simulation.background("arriving", () => people.arrive(history.connections.at(-1) ?? [])),
  heartbeats: withConnection<"heartbeats">(
    ({ simulation: { emulator, world } }, { user, connection }, { daysAgo }) => {
      for (const days of daysAgo)
        emulator.announceHoldings(world, user, connection, world.now() - days * 86_400_000);
    },
  ),
  "odd-webhook": ({ simulation, people }, { person, kind }) =>
    simulation.background("an odd webhook", () => people.sendOdd(kind, people.userOf(people.people[person]))),
};

/** Performs one action of a history. */
export function act(cast: Cast, action: Action): void {
  (acts[action.action] as Act<ActionKind>)(cast, action);
}
