import { message, ready, simpleQuery, text } from "./wire";

const setting =
  /(?:^|;)\s*set (?:local )?(?:statement|lock|idle_in_transaction_session)_timeout = \d+\s*(?=;|$)/gi;
const set = message("C", text("SET"));

/**
 * Answers settings of timeouts without the server. A session plays them in virtual time (session.ts); the
 * server would measure real time, so that a busy machine could change a run.
 * @param status the transaction status of the session
 * @param run runs what is left
 */
export function withoutTimeouts(unit: Buffer, status: string, run: (unit: Uint8Array) => Buffer): Buffer {
  if (unit[0] !== 0x51 || !unit.includes("_timeout")) return run(unit);
  const sql = unit.toString("utf8", 5, unit.length - 1);
  const sets = sql.match(setting)?.map(() => set) ?? [];
  const rest = sql.replaceAll(setting, "").trim();
  if (rest === "") return Buffer.concat([...sets, ready(status)]);
  const answer = run(simpleQuery(rest));
  const end = answer.length - 6;
  return Buffer.concat([answer.subarray(0, end), ...sets, answer.subarray(end)]);
}
