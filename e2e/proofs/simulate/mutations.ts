import { companyMutations } from "./company-mutations";
import type { Patch } from "./patch";

/** Changes the source of one of the app's files while it is bundled. */
type Change = (file: string, text: string) => string;

/** Defects that the app once had, and the changes that reintroduce them. */
const mutations: Record<string, Patch[]> = {
  /** Two heartbeats more than 8.3 days apart overflow, and the one that fails isn't isolated. */
  A1: [
    { file: "lib/webhooks/heartbeats.ts", from: "heartbeat_gap_ms * 3::float8", to: "heartbeat_gap_ms * 3" },
    {
      file: "lib/webhooks/heartbeats.ts",
      from: "if (!isRefusal(error)) throw error;\n    await applyApart",
      to: "throw error;\n    await applyApart",
    },
  ],
  /** A single 1083 cuts a person off, and nobody asks again. */
  A4: [
    {
      file: "lib/connections/observations/gone.ts",
      from: "const refusalsToBelieve = 3;",
      to: "const refusalsToBelieve = 1;",
    },
    {
      file: "lib/connections/observations/gone.ts",
      from: "const maxRefusals = 30;",
      to: "const maxRefusals = 1;",
    },
    {
      file: "lib/connections/observations/snaptrade-user.ts",
      from: 'return row && row.goneReason !== "deleted" ?',
      to: "return row && !row.goneAt ?",
    },
  ],
  /** A failed begin never returns its client, and a client that timed out is returned while still busy. */
  B1: [
    {
      file: "lib/db/pool.ts",
      from: 'await inside(`begin; ${settings("set local", bounds)}`);',
      to: 'await inside(`begin; ${settings("set local", bounds)}`).catch((error: unknown) => {\n        begun = false;\n        throw error;\n      });',
    },
    { file: "lib/db/pool.ts", from: "let over = false;", to: "let over = false;\n    let begun = true;" },
    {
      file: "lib/db/pool.ts",
      from: "over = true;\n      destroy(client, error);",
      to: "over = true;\n      if (begun) client.release();",
    },
    {
      file: "lib/db/pool.ts",
      from: "return answer;\n    } catch (error) {\n      destroy(client, error);",
      to: "return answer;\n    } catch (error) {\n      client.release();",
    },
    {
      file: "lib/db/pool.ts",
      from: "if (last !== undefined && last >= silentSince) return client;",
      to: "if (last !== undefined) return client;",
    },
  ],
  /** A look is dated by its answer, ignoring anything that was said meanwhile. */
  C1: [
    {
      file: "lib/connections/look/record.ts",
      from: "const said = { observedAt: askedAt, answeredAt,",
      to: "const said = { observedAt: answeredAt, answeredAt,",
    },
    {
      file: "lib/connections/observations/doubt.ts",
      from: "return waits.length > 0 ? Math.min(...waits) : null;",
      to: "return waits.length > 1e9 ? 0 : null;",
    },
  ],
  /** Within a session, an event alone is shown as success. */
  C2: [
    {
      file: "lib/connections/portal/outcome.ts",
      from: "if (!confirmed && !lookFailedAt) return",
      to: "if (!confirmed && !lookFailedAt && !observedAt) return",
    },
  ],
  /** The browser's SUCCESS and any working connection at that brokerage make "connected". */
  C3: [
    {
      file: "lib/connections/portal/view.ts",
      from: "one.brokerageId === brokerageId && repairedSince(one, openedAt))",
      to: 'one.brokerageId === brokerageId && (repairedSince(one, openedAt) || (session.reportedStatus === "SUCCESS" && one.state === "enabled")))',
    },
  ],
  /** Accounts stored before the repair count as proof that they are back. */
  C4: [
    {
      file: "lib/connections/portal/view.ts",
      from: "if (!askedAt || askedAt < signedInAt) return null;",
      to: "if (!askedAt || !signedInAt) return null;",
    },
  ],
  /** Opening the portal joins the open session, and closing one of two pages ends it for both. */
  C6: [
    {
      file: "lib/connections/portal/open.ts",
      from: "const doubleClickMs = 3_000;",
      to: "const doubleClickMs = 600_000;",
    },
  ],
  /** A connection that was just made can be concluded gone. */
  C8: [
    { file: "lib/connections/look/read.ts", from: "const youngMs = 5 * 60_000;", to: "const youngMs = 0;" },
  ],
  /** Breaks don't wait for each other. */
  C9: [
    {
      file: "lib/notifications/claim.ts",
      from: "if (topicOf(kind) !== topic || ",
      to: "if (kind !== null || topicOf(kind) !== topic || ",
    },
  ],
  /** An incident counts breaks instead of people. */
  C10: [
    {
      file: "lib/connections/observations/incidents.ts",
      from: "count(distinct user_id)::int as people",
      to: "count(*)::int as people",
    },
  ],
  /** Open pages aren't notified that the portal was opened. */
  C13: [
    {
      file: "lib/connections/portal/open.ts",
      from: "      await recordChange(tx, userId);\n    });\n    await announceChanges();\n    const view",
      to: "    });\n    const view",
    },
  ],
  /** A page rendered while SnapTrade is asked for a login link shows the portal as open. */
  "C13-link": [
    { file: "lib/connections/pages/connection-view.ts", from: "  if (!openedAt) return false;\n", to: "" },
    {
      file: "lib/connections/pages/connection-view.ts",
      from: "if (disabledAt && openedAt.getTime()",
      to: "if (openedAt && disabledAt && openedAt.getTime()",
    },
  ],
  /** Somebody watching a broken connection waits as long as everyone else. */
  C14: [
    {
      file: "lib/connections/look/due.ts",
      from: "const lookAfterMinutesIfDisabled = 1;",
      to: "const lookAfterMinutesIfDisabled = 5;",
    },
  ],
  ...companyMutations,
  /** People don't have their own share of the rate budget. */
  E1: [
    {
      file: "lib/budget.ts",
      from: "else least(greatest(${sql.raw(String(personPerMinute))}, floor(per_minute * ${sql.raw(String(personShare))})), ceil(people_left / 2.0)) - own end`",
      to: "else people_left end`",
    },
  ],
};

/**
 * @returns the change to apply to each file, and a check that all of it was applied
 * @throws Error for a mutation that doesn't exist
 */
export function mutate(name: string | null): { change: Change; checkDone: () => void } {
  const patches = name === null ? [] : mutations[name];
  if (!patches)
    throw new Error(
      `There is no mutation "${name ?? ""}". Choose from: ${Object.keys(mutations).join(", ")}`,
    );
  const done = new Set<Patch>();
  const change: Change = (file, text) =>
    patches.filter((patch) => patch.file === file).reduce((changed, patch) => apply(changed, patch), text);
  const apply = (text: string, patch: Patch) => {
    if (!text.includes(patch.from))
      throw new Error(`The mutation ${name ?? ""} no longer fits ${patch.file}: it has no "${patch.from}"`);
    done.add(patch);
    return text.replace(patch.from, () => patch.to);
  };
  return {
    change,
    checkDone() {
      const left = patches.filter((patch) => !done.has(patch));
      if (left.length > 0)
        throw new Error(
          `The mutation ${name ?? ""} patches files that are not bundled: ${left.map(({ file }) => file).join(", ")}`,
        );
    },
  };
}
