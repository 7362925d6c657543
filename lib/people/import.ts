import "server-only";
import { isRefusedData } from "@/lib/db/errors";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { adoptUser, type Adoption } from "./adopt";
import { readLines } from "./lines";
import { createPace, type Time } from "./pace";
import { createDuplicateCheck, parseLine, type WhyRejected } from "./parse-line";
import type { AdoptablePerson } from "./person";

/** Each line counts once; in a dry run, "adopted" and "updated" are what would happen. */
export type ImportCounts = Record<Adoption["result"], number>;

/** A line that was not imported (docs/operate.md). */
export interface RejectedLine extends WhyRejected {
  line: number;
}

interface ImportOptions extends Time {
  /** Verifies everything and changes nobody. */
  dryRun: boolean;
  onRejected: (rejected: RejectedLine) => Promise<void>;
  /** @param bytes how much of the input is done, apart from what is in progress */
  onProgress: (counts: ImportCounts, bytes: number) => void;
}

/** The rest of the lines can't be imported now. The message is an explanation for the operator. */
export class ImportStopped extends Error {}

const atOnce = 8;
const firstAgainMs = 5_000;
const maxAgainMs = 60_000;
/** About five minutes. */
const maxFailures = 8;

/**
 * Adopts the person in each line of an NDJSON file, several at once, and never more of it in memory than
 * those lines. It can be stopped at any time and run again: whoever was adopted is recognized without asking
 * SnapTrade. Waits while the budget has no room or SnapTrade doesn't answer.
 * @throws ImportStopped when SnapTrade rejects our key, or answers nobody for minutes; or the database's error
 */
export async function importUsers(
  chunks: AsyncIterable<Uint8Array>,
  { dryRun, clock, sleep, onRejected, onProgress }: ImportOptions,
): Promise<ImportCounts> {
  const counts: ImportCounts = { adopted: 0, updated: 0, unchanged: 0, rejected: 0 };
  const lines = readLines(chunks);
  const isDuplicate = createDuplicateCheck();
  const beforeRead = createPace({ clock, sleep });
  let answered = 0;
  let failed: { error: unknown } | undefined;

  async function adopt(person: AdoptablePerson): Promise<Adoption | "no-answer"> {
    const answeredBefore = answered;
    for (let failures = 0; ;) {
      try {
        const adoption = await adoptUser(person, clock(), { verifyOnly: dryRun, beforeRead });
        answered += 1;
        return adoption;
      } catch (error) {
        if (!(error instanceof SnapTradeFailure)) throw error;
        if (error.kind === "key-refused")
          throw new ImportStopped("SnapTrade rejects our key, or our clock is wrong.");
        const isAway = error.kind === "away";
        if (isAway) failures += 1;
        // Whether SnapTrade is away for everyone or can't answer about this person.
        if (failures > maxFailures && answered > answeredBefore) return "no-answer";
        if (failures > maxFailures) throw new ImportStopped("SnapTrade hasn't answered for minutes.");
        const waitMs = isAway ? firstAgainMs * 2 ** failures : (error.details.retryAfterSeconds ?? 5) * 1_000;
        await sleep(Math.min(waitMs, maxAgainMs));
      }
    }
  }

  async function rejectionOf(person: AdoptablePerson): Promise<WhyRejected | null> {
    const reason = await reasonOf(person);
    return reason === null ? null : { externalId: person.externalId, reason };
  }

  async function reasonOf(person: AdoptablePerson): Promise<string | null> {
    if (isDuplicate(person)) return "duplicate";
    try {
      const adoption = await adopt(person);
      if (adoption === "no-answer") return "no-answer";
      if (adoption.result === "rejected") return adoption.reason;
      counts[adoption.result] += 1;
      return null;
    } catch (error) {
      if (isRefusedData(error)) return "not-storable";
      throw error;
    }
  }

  async function worker() {
    for (let next = await lines.next(); !next.done && !failed; next = await lines.next()) {
      const { number: line, endsAt } = next.value;
      const parsed = parseLine(next.value);
      const rejected = "person" in parsed ? await rejectionOf(parsed.person) : parsed;
      if (rejected) {
        counts.rejected += 1;
        await onRejected({ line, ...rejected });
      }
      onProgress(counts, endsAt);
    }
  }
  await Promise.all(
    Array.from({ length: atOnce }, () => worker().catch((error: unknown) => void (failed ??= { error }))),
  );
  if (failed) throw failed.error;
  return counts;
}
