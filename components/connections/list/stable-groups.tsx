"use client";

import { useState, type ReactNode } from "react";
import type { StatusGroup } from "@/lib/connections/views";
import { useLive } from "@/components/live-updates";

interface GroupedRow {
  id: string;
  group: StatusGroup;
  row: ReactNode;
}

interface Props {
  rows: GroupedRow[];
  titles: { group: StatusGroup; title: string; aside: string | null }[];
}

/**
 * The rows, grouped by whose move it is. A live change leaves each row where the person last saw it; rows are
 * regrouped once the person has finished something, or on the next page.
 */
export function StableGroups({ rows, titles }: Props) {
  const epoch = useLive()?.epoch ?? 0;
  const [kept, setKept] = useState({ rows, epoch, places: placesOf(rows) });
  if (rows !== kept.rows)
    setKept({
      rows,
      epoch,
      places: epoch === kept.epoch ? { ...placesOf(rows), ...kept.places } : placesOf(rows),
    });
  const order = Object.keys(kept.places);
  const arranged = [...rows].sort((one, other) => order.indexOf(one.id) - order.indexOf(other.id));
  return (
    <div className="mt-8 space-y-8 wide:mt-11 wide:space-y-11">
      {titles.map(({ group, title, aside }) => {
        const members = arranged.filter(({ id }) => kept.places[id] === group);
        if (members.length === 0) return null;
        const card = group === "needs-you";
        return (
          <section key={group} aria-labelledby={`group-${group}`}>
            <div className="flex flex-wrap items-baseline justify-between gap-x-4">
              <h2 id={`group-${group}`} className="text-body font-semibold">
                {title} <span className="digits ml-1.5 font-normal text-ink-3">{members.length}</span>
              </h2>
              {aside && <p className="text-small text-ink-3">{aside}</p>}
            </div>
            <ul
              data-card={card || undefined}
              className={`mt-3 divide-y divide-line ${card ? "overflow-hidden rounded-card border border-line bg-surface shadow-card" : "border-y border-line"}`}
            >
              {members.map(({ row }) => row)}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function placesOf(rows: GroupedRow[]): Record<string, StatusGroup> {
  return Object.fromEntries(rows.map(({ id, group }) => [id, group]));
}
