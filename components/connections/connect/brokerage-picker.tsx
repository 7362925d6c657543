"use client";

import Link from "next/link";
import { useState } from "react";
import type { BrokerageView } from "@/lib/connections/views";
import { PortalLauncher } from "@/components/portal/portal-launcher";
import { Icon } from "@/components/ui/icon";
import { LinkGlyph } from "@/components/ui/link-glyph";
import { Tile } from "@/components/ui/tile";

export interface PickerBrokerage extends BrokerageView {
  state: "needs-reconnecting" | "connected" | "maintenance" | "open";
}

/** All brokerages, those that need reconnecting first; typing narrows the list. */
export function BrokeragePicker({
  brokerages,
  page = "/connections/new",
  opensHere = true,
}: {
  brokerages: PickerBrokerage[];
  /** Where the choice is shown, with the brokerage in its query. */
  page?: string;
  /** Choosing opens the portal; otherwise it leads to that page. */
  opensHere?: boolean;
}) {
  const [search, setSearch] = useState("");
  const found = brokerages.filter(({ name }) => name.toLowerCase().includes(search.trim().toLowerCase()));
  const broken = found.filter(({ state }) => state === "needs-reconnecting");
  const others = found.filter(({ state }) => state !== "needs-reconnecting");
  return (
    <>
      <label className="mt-5 flex h-11 items-center gap-2.5 rounded-button border border-field bg-surface px-3 focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent">
        <Icon name="search" className="text-ink-3" />
        <span className="sr-only">Search brokerages</span>
        <input
          type="search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          placeholder="Search brokerages"
          className="min-w-0 flex-1 bg-transparent text-[1rem] outline-none placeholder:text-ink-3"
        />
      </label>
      <p role="status" className="sr-only">
        {search && `${found.length} ${found.length === 1 ? "brokerage" : "brokerages"}`}
      </p>
      <Group title="Need reconnecting" members={broken} page={page} opensHere={opensHere} />
      <Group title="All brokerages" members={others} page={page} opensHere={opensHere} />
      {found.length === 0 && <p className="mt-6 text-ink-2">No brokerage matches that name.</p>}
    </>
  );
}

interface Place {
  page: string;
  opensHere: boolean;
}

function Group({ title, members, ...place }: Place & { title: string; members: PickerBrokerage[] }) {
  if (members.length === 0) return null;
  return (
    <section className="mt-6">
      <h2 className="text-label text-ink-2">{title}</h2>
      <ul className="mt-1.5">
        {members.map((brokerage) => (
          <li
            key={brokerage.id}
            className="flex min-h-14 items-center gap-3.5 border-b border-line py-1.5 last:border-b-0"
          >
            <Tile brokerage={brokerage} size={32} />
            <span className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3.5">
              <span className="min-w-0 truncate phone:flex-1">{brokerage.name}</span>
              {brokerage.state === "connected" && (
                <span className="flex items-center gap-2 text-small text-ink-2 max-phone:w-full">
                  <LinkGlyph name="connected" className="text-good-mark" />
                  Connected
                </span>
              )}
            </span>
            <Choice brokerage={brokerage} {...place} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Choice({ brokerage, page, opensHere }: Place & { brokerage: PickerBrokerage }) {
  const { slug, name, state } = brokerage;
  switch (state) {
    case "needs-reconnecting":
      return (
        <Link
          href={`${page}?brokerage=${slug}`}
          prefetch={false}
          aria-label={`Needs reconnecting: ${name}`}
          className="flex min-h-11 items-center gap-2 font-semibold text-you"
        >
          <LinkGlyph name="needs" className="text-you-mark" />
          Needs reconnecting
        </Link>
      );
    case "maintenance":
      return (
        <span className="flex items-center gap-2 text-ink-2">
          <LinkGlyph name="maintenance" className="text-theirs-mark" />
          Maintenance
        </span>
      );
    default:
      return !opensHere ? (
        <Link
          href={`${page}?brokerage=${slug}`}
          prefetch={false}
          aria-label={`Connect ${name}`}
          className="flex min-h-11 items-center px-1 font-semibold text-ink-2 hover:text-ink"
        >
          Connect
        </Link>
      ) : (
        <PortalLauncher
          target={{ kind: "connect", brokerage: slug }}
          accessibleName={`Connect ${name}`}
          label="Connect"
          variant="quiet"
        />
      );
  }
}
