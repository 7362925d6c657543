export interface Portfolio {
  person: string;
  accounts: {
    id: string;
    brokerage: string;
    /** Such as "3 accounts". */
    accounts: string;
    value: number;
    /** Since when it has not been updated; null while it works. */
    since: string | null;
  }[];
}

interface Connection {
  id: string;
  brokerage: { slug: string; name: string };
  state: "working" | "disabled" | "removed";
  since: string | null;
}

/** What Larch knows of each brokerage's accounts; invented. */
const known: Partial<Record<string, { accounts: string; value: number }>> = {
  QUESTRADE: { accounts: "TFSA, RRSP, Margin", value: 61_482.9 },
  ROBINHOOD: { accounts: "Individual", value: 12_806.41 },
  SCHWAB: { accounts: "Brokerage, Roth IRA", value: 88_130.07 },
  KRAKEN: { accounts: "Spot wallet", value: 4_218.55 },
  WEALTHSIMPLETRADE: { accounts: "4 accounts", value: 39_957.3 },
  "INTERACTIVE-BROKERS-FLEX": { accounts: "Individual", value: 27_344.18 },
};

/** Larch's accounts of one person, with what Reconnect says about their connections. */
export function portfolioOf(person: string, connections: Connection[]): Portfolio {
  return {
    person,
    accounts: connections
      .filter(({ state }) => state !== "removed")
      .map(({ id, brokerage, state, since }) => ({
        id,
        brokerage: brokerage.name,
        ...(known[brokerage.slug] ?? { accounts: "1 account", value: 1_000 }),
        since: state === "working" ? null : since,
      }))
      .toSorted((one, other) => one.brokerage.localeCompare(other.brokerage)),
  };
}
