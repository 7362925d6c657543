import { Control, type SeededConnection } from "../support/control";
import { askForLink, makePerson, seedConnections, type Person, type Servers } from "../support/people";
import { Visitor } from "../support/visitor";

export const demoEmail = "maya@example.com";

const minutes = 60_000;
const days = 24 * 60 * minutes;

/** Six connections in different states: two stopped, one in maintenance, one degraded, two working. */
function demoConnections(now: number): SeededConnection[] {
  const ago = (time: number) => new Date(now - time).toISOString();
  return [
    {
      brokerage: "QUESTRADE",
      disabled: true,
      createdDate: ago(615 * days),
      disabledDate: ago(3 * days + 289 * minutes),
      dataAsOf: ago(3 * days + 291 * minutes),
      accounts: [
        { name: "TFSA", number: "51284821" },
        { name: "RRSP", number: "51281190" },
        { name: "Margin", number: "51287702" },
      ],
    },
    {
      brokerage: "ROBINHOOD",
      type: "trade",
      disabled: true,
      createdDate: ago(140 * days),
      disabledDate: ago(40 * minutes),
      dataAsOf: ago(41 * minutes),
      accounts: [{ name: "Individual", number: "882340075" }],
    },
    {
      brokerage: "SCHWAB",
      createdDate: ago(88 * days),
      accounts: [
        { name: "Brokerage", number: "4410-2213" },
        { name: "Roth IRA", number: "4410-8856" },
      ],
    },
    {
      brokerage: "KRAKEN",
      createdDate: ago(31 * days),
      accounts: [{ name: "Spot wallet", number: "KR-70931" }],
    },
    {
      brokerage: "WEALTHSIMPLETRADE",
      type: "trade",
      createdDate: ago(402 * days),
      accounts: [
        { name: "TFSA", number: "WS-30044102" },
        { name: "RRSP", number: "WS-30049917" },
        { name: "Non-registered", number: "WS-30045536" },
        { name: "Crypto", number: "WS-30042280" },
      ],
    },
    {
      brokerage: "INTERACTIVE-BROKERS-FLEX",
      createdDate: ago(219 * days),
      accounts: [{ name: "Individual", number: "U7719034" }],
    },
  ];
}

const maxDeleted = 20;

/**
 * Creates the demonstration user once; a restarted demonstration continues with the same one. While an
 * account is being deleted nobody can sign in to it, so the next user takes its place.
 * @returns their e-mail address
 */
export async function seedDemo(servers: Servers): Promise<string> {
  const control = new Control(servers.emulatorUrl);
  const users = await control.get<unknown[]>("/users");
  for (let number = 1; number <= maxDeleted; number++) {
    const email = number === 1 ? demoEmail : demoEmail.replace("@", `.${number}@`);
    const visitor = new Visitor(servers.appUrl);
    const landing = await visitor.submit(await askForLink(servers, email), (form) =>
      form.includes(`Sign in as ${email}`),
    );
    if (new URL(landing, servers.appUrl).pathname !== "/connections") continue;
    const isNew =
      users.length === 0 ||
      (number > 1 && (await visitor.open("/connections")).includes("Connect your first brokerage"));
    if (isNew) await seedPerson(await makePerson(servers, email));
    return email;
  }
  throw new Error("too many demonstration users are being deleted; `npm run demo -- --fresh` starts over");
}

async function seedPerson(person: Person): Promise<void> {
  await person.control.post("/brokerages/SCHWAB", { maintenance_mode: true });
  await person.control.post("/brokerages/KRAKEN", { is_degraded: true });
  await seedConnections(person, demoConnections(Date.now()));
}
