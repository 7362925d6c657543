import { Control, type SeededConnection } from "../support/control";
import { makePerson, seedConnections, type Servers } from "../support/people";

export const demoEmail = "maya@example.com";

const minutes = 60_000;
const days = 24 * 60 * minutes;

/**
 * Six connections in every kind of health: two stopped, one in maintenance, one in trouble, two that work.
 */
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

/** Makes the demonstration user once; a demonstration that was stopped goes on as it was. */
export async function seedDemo(servers: Servers): Promise<void> {
  const control = new Control(servers.emulatorUrl);
  const users = await control.get<unknown[]>("/users");
  if (users.length > 0) return;
  const person = await makePerson(servers, demoEmail);
  await control.post("/brokerages/SCHWAB", { maintenance_mode: true });
  await control.post("/brokerages/KRAKEN", { is_degraded: true });
  await seedConnections(person, demoConnections(Date.now()));
}
