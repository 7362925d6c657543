import { createHash } from "node:crypto";

export type SignInKind = "credentials" | "code" | "oauth" | "api-key";

export interface Brokerage {
  id: string;
  slug: string;
  name: string;
  displayName: string;
  url: string;
  signIn: SignInKind;
  allowsTrading: boolean;
  country: "CA" | "US" | "other";
  type: "Traditional Brokerage" | "Crypto Exchange";
}

export interface BrokerageFlags {
  enabled: boolean;
  maintenance_mode: boolean;
  is_degraded: boolean;
}

/** The same text always gives the same UUID, so ids survive restarts. */
export function stableId(words: string): string {
  const hex = createHash("sha1").update(words).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

type Row = [
  slug: string,
  name: string,
  host: string,
  signIn: SignInKind,
  access: "read" | "trade",
  country: Brokerage["country"],
];

const rows: Row[] = [
  ["QUESTRADE", "Questrade", "questrade.com", "oauth", "read", "CA"],
  ["WEALTHSIMPLETRADE", "Wealthsimple", "wealthsimple.com", "code", "trade", "CA"],
  ["TD-DIRECT-INVESTING", "TD Direct Investing", "td.com", "credentials", "read", "CA"],
  ["ROBINHOOD", "Robinhood", "robinhood.com", "code", "read", "US"],
  ["SCHWAB", "Charles Schwab", "schwab.com", "oauth", "trade", "US"],
  ["FIDELITY", "Fidelity", "fidelity.com", "oauth", "read", "US"],
  ["VANGUARD", "Vanguard US", "vanguard.com", "credentials", "read", "US"],
  ["ETRADE", "E*TRADE", "etrade.com", "oauth", "trade", "US"],
  ["INTERACTIVE-BROKERS-FLEX", "Interactive Brokers", "interactivebrokers.com", "api-key", "read", "US"],
  ["ALPACA", "Alpaca", "alpaca.markets", "oauth", "trade", "US"],
  ["TRADIER", "Tradier", "tradier.com", "oauth", "trade", "US"],
  ["TRADESTATION", "TradeStation", "tradestation.com", "oauth", "trade", "US"],
  ["TASTYTRADE", "tastytrade", "tastytrade.com", "credentials", "trade", "US"],
  ["WEBULL", "Webull US", "webull.com", "code", "trade", "US"],
  ["PUBLIC", "Public", "public.com", "api-key", "trade", "US"],
  ["COINBASE", "Coinbase", "coinbase.com", "oauth", "trade", "other"],
  ["KRAKEN", "Kraken", "kraken.com", "api-key", "trade", "other"],
  ["BINANCE", "Binance", "binance.com", "api-key", "trade", "other"],
  ["TRADING212", "Trading212", "trading212.com", "api-key", "trade", "other"],
  ["DEGIRO", "Degiro", "degiro.com", "credentials", "read", "other"],
  ["AJ-BELL", "AJ Bell", "ajbell.co.uk", "credentials", "read", "other"],
  ["ZERODHA", "Zerodha", "zerodha.com", "code", "read", "other"],
];

const cryptoExchanges = new Set(["COINBASE", "KRAKEN", "BINANCE"]);

export const brokerages: readonly Brokerage[] = rows.map(([slug, name, host, signIn, access, country]) => ({
  id: stableId(`brokerage ${slug}`),
  slug,
  name,
  displayName: name,
  url: `https://www.${host}`,
  signIn,
  allowsTrading: access === "trade",
  country,
  type: cryptoExchanges.has(slug) ? "Crypto Exchange" : "Traditional Brokerage",
}));

const bySlug = new Map(brokerages.map((brokerage) => [brokerage.slug, brokerage]));

export function findBrokerage(slug: string): Brokerage | undefined {
  return bySlug.get(slug);
}

export const defaultFlags: BrokerageFlags = { enabled: true, maintenance_mode: false, is_degraded: false };
