import type { Company } from "../support/company";
import type { SeededConnection } from "../support/control";

const demoEmail = "maya@example.com";

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
 * Creates the demonstration's person once, whom Larch registered at SnapTrade before it had Reconnect; a
 * restarted demonstration continues with the same one. While a person is being deleted, the next one takes
 * their place.
 */
export async function seedDemo(company: Company): Promise<{ email: string; externalId: string }> {
  for (let number = 1; number <= maxDeleted; number++) {
    const person = {
      email: number === 1 ? demoEmail : demoEmail.replace("@", `.${number}@`),
      externalId: `user-${number}`,
    };
    const known = await company.ask("GET", `users/${person.externalId}`);
    const { deletion_requested_at } = (await known.json()) as { deletion_requested_at?: string | null };
    if (known.ok && deletion_requested_at) continue;
    if (known.ok || (await bring(company, person))) return person;
  }
  throw new Error("too many demonstration users are being deleted; `npm run demo -- --fresh` starts over");
}

/** @returns false if Reconnect can't take them, because the address belongs to someone else there */
async function bring(company: Company, { email, externalId }: { email: string; externalId: string }) {
  await company.control.post("/brokerages/SCHWAB", { maintenance_mode: true });
  await company.control.post("/brokerages/KRAKEN", { is_degraded: true });
  return company.adopt(await company.register(externalId, demoConnections(Date.now())), email);
}
