import "server-only";
import { z } from "zod";
import type { CompanyConnection } from "@/lib/connections/pages/for-company";
import { connectionReasons, reasonOf } from "./connection-reasons";
import { time } from "./fields";

const nullable = (description: string) => time.nullable().meta({ description });

/** What SnapTrade said last, whatever may be uncertain now: the stored states under the names of the API. */
const storedStates = { working: "enabled", disabled: "disabled", removed: "deleted" } as const;
type State = keyof typeof storedStates;
const states: State[] = ["working", "disabled", "removed"];
export const state = z.enum(states);
export const storedState = (wanted: State) => storedStates[wanted];

const brokerage = z.object({ id: z.string(), slug: z.string(), name: z.string() }).meta({ id: "Brokerage" });

export const connection = z
  .object({
    id: z.string().meta({ description: "SnapTrade’s id of the connection" }),
    user: z.string().nullable().meta({
      description: "Your own id of its owner; null if you gave none",
    }),
    brokerage,
    access: z.enum(["read", "trade"]),
    state,
    since: nullable("Since when it has been in this state, if that is known"),
    reason: z
      .object({ code: z.enum(connectionReasons), text: z.string() })
      .meta({ id: "Reason", description: "What its owner’s page says about it" }),
    repairable: z.boolean().meta({
      description:
        "Whether its owner can repair it now by signing in again; otherwise `reason` says why not. Always false in shadow mode",
    }),
    newest_data_at: nullable("The date of the newest data that SnapTrade has for it"),
    last_checked_at: nullable("When its owner’s connections were last read from SnapTrade"),
    changed_at: time.meta({ description: "When its state, access, or removal last changed" }),
  })
  .meta({ id: "Connection" });

const episode = z
  .object({
    id: z.string(),
    broke_at: time,
    noticed_at: time,
    noticed_by: z.enum(["webhook", "timer", "person", "portal"]),
    ended_at: nullable("Null while it lasts"),
    ended_how: z.enum(["fixed", "deleted"]).nullable(),
    notices: z.array(
      z.object({
        kind: z.enum(["broke", "reminder-3", "reminder-7", "when-back", "fixed"]),
        sent_at: time.nullable(),
      }),
    ),
  })
  .meta({ id: "Episode", description: "From a break to its end" });

export const connectionDetail = z
  .object({
    ...connection.shape,
    episodes: z.array(episode).meta({ description: "The newest 20, newest first" }),
  })
  .meta({ id: "ConnectionDetail" });

/** A connection as the API shows it; its status is the one on its owner's page. */
export function connectionOf({
  view,
  owner,
  state: stored,
  lookedAt,
  changedAt,
}: CompanyConnection): z.output<typeof connection> {
  const named = states.find((name) => storedStates[name] === stored) ?? "working";
  const since = {
    removed: view.removedAt,
    disabled: view.disabledAt,
    working: view.fixedAt ?? view.connectedSince,
  };
  return {
    id: view.id,
    user: owner,
    brokerage: { id: view.brokerage.id, slug: view.brokerage.slug, name: view.brokerage.name },
    access: view.access,
    state: named,
    since: since[named],
    reason: reasonOf(view.status),
    repairable: view.canReconnect,
    newest_data_at: view.dataAsOf,
    last_checked_at: lookedAt,
    changed_at: changedAt,
  };
}

/** The same, with what happened to it. */
export function connectionDetailOf(found: CompanyConnection): z.output<typeof connectionDetail> {
  const episodes = found.episodes.map(
    ({ id, brokeAt, noticedAt, noticedBy, endedAt, endedHow, notices }) => ({
      id,
      broke_at: brokeAt,
      noticed_at: noticedAt,
      noticed_by: noticedBy,
      ended_at: endedAt,
      ended_how: endedHow,
      notices: notices.map(({ kind, sentAt }) => ({ kind, sent_at: sentAt })),
    }),
  );
  return { ...connectionOf(found), episodes };
}
