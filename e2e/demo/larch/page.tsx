import { useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { ConnectionBanner } from "../../../components/registry/connection-banner";
import { EventList } from "./event-list";
import type { Portfolio } from "./portfolio";

/** Larch's own page. Of Reconnect it knows the banner, and what Larch's server passes on. */
function App() {
  const [portfolio, setPortfolio] = useState<Portfolio | null>(null);
  const read = useCallback(() => {
    fetch("/api/portfolio").then(
      async (answer) => answer.ok && setPortfolio((await answer.json()) as Portfolio),
      () => undefined,
    );
  }, []);
  useEffect(() => {
    read();
    // What Reconnect adds to the address when it sends someone back is for once.
    window.history.replaceState(null, "", window.location.pathname);
  }, [read]);
  return (
    <>
      <Header name={portfolio?.person ?? ""} />
      <main className="mx-auto max-w-[968px] px-4 pb-20 sm:px-6">
        <div className="mt-6 sm:mt-8">
          <ConnectionBanner />
        </div>
        {portfolio && <Holdings portfolio={portfolio} />}
        <EventList whenNew={read} />
      </main>
    </>
  );
}

function Header({ name }: { name: string }) {
  return (
    <header className="border-border border-b">
      <div className="mx-auto flex h-[60px] max-w-[968px] items-center gap-8 px-4 sm:px-6">
        <span className="flex items-center gap-2.5 font-semibold">
          <svg aria-hidden viewBox="0 0 28 28" className="size-7">
            <rect width="28" height="28" rx="7" className="fill-primary" />
            <path
              d="M14 6v17M14 12l-4-2.6M14 12l4-2.6M14 16.5l-5-3M14 16.5l5-3M14 20.5l-4-2.4M14 20.5l4-2.4"
              className="stroke-primary-foreground"
              strokeWidth="1.6"
              strokeLinecap="round"
              fill="none"
            />
          </svg>
          Larch
        </span>
        <nav aria-label="Larch" className="flex flex-1 gap-6 self-stretch text-sm max-sm:hidden">
          <span className="border-foreground flex items-center border-b-2 pt-0.5 font-semibold">
            Portfolio
          </span>
          <span className="text-muted-foreground flex items-center">Plan</span>
          <span className="text-muted-foreground flex items-center">Taxes</span>
        </nav>
        <span className="text-muted-foreground text-sm max-sm:ml-auto">{name}</span>
      </div>
    </header>
  );
}

const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const day = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric" });

function Holdings({ portfolio }: { portfolio: Portfolio }) {
  const total = portfolio.accounts.reduce((sum, { value }) => sum + value, 0);
  const behind = portfolio.accounts.some(({ since }) => since);
  return (
    <section aria-labelledby="total" className="mt-9">
      <h1 id="total" className="text-muted-foreground text-sm">
        Net worth
      </h1>
      <p className="mt-1 text-[34px]/10 font-[560] tracking-[-0.024em] tabular-nums">{money.format(total)}</p>
      <p className="text-muted-foreground mt-1 text-sm">
        {behind ? "Some accounts stopped updating, so this may be off." : "Every account is up to date."}
      </p>
      <Curve />
      <ul aria-label="Accounts" className="border-border mt-8 border-t">
        {portfolio.accounts.map(({ id, brokerage, accounts, value, since }) => (
          <li key={id} className="border-border flex items-center gap-4 border-b py-4">
            <span
              aria-hidden
              className="bg-muted grid size-10 shrink-0 place-items-center rounded-[10px] text-sm font-semibold"
            >
              {brokerage.slice(0, 1)}
            </span>
            <span className="min-w-0 flex-1">
              <span className="block font-semibold">{brokerage}</span>
              <span className="text-muted-foreground block text-sm">{accounts}</span>
            </span>
            <span className="text-right">
              <span className="block font-semibold tabular-nums">{money.format(value)}</span>
              <span className="text-muted-foreground block text-sm">
                {since ? `As of ${day.format(new Date(since))}` : "Up to date"}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A year of an invented portfolio. */
function Curve() {
  const line =
    "M0 92C40 88 62 74 104 78S170 96 214 84 296 50 344 58 420 72 468 54 560 40 610 44 690 20 740 24 846 12 920 8";
  return (
    <svg
      aria-hidden
      viewBox="0 0 920 110"
      preserveAspectRatio="none"
      className="text-primary mt-6 h-28 w-full"
    >
      <path d={`${line}V110H0Z`} fill="currentColor" opacity="0.07" />
      <path d={line} fill="none" stroke="currentColor" strokeWidth="2" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

const place = document.getElementById("larch");
if (place) createRoot(place).render(<App />);
