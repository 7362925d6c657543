import nextEnv from "@next/env";
import { eq, sql, type SQL } from "drizzle-orm";
import { AppError } from "@/lib/base/errors";
import { SettingsError } from "@/lib/base/env";
import { database } from "@/lib/db/client";
import { DatabaseError } from "@/lib/db/errors";
import { users } from "@/lib/db/schema/users";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { keptSecretsFolder as folder } from "./kept-secret";
import { resetUserSecret, type Reset } from "./reset-secret";

// The command behind `npm run users:reset-secret -- <e-mail address, external id, or id> [--adopted]`, with the
// app's settings.
const sentences: Record<Reset, string> = {
  reset: "Done: SnapTrade made a new secret, and it is stored.",
  finished: "Done: the new secret that an interrupted run had kept is stored now.",
  lost: "The new secret is lost: an earlier run was interrupted before SnapTrade's answer arrived. The page now asks the person to connect again. If that run was on another machine, run this there, because that machine may have kept the secret.",
  refused:
    "SnapTrade refuses the current secret, so it can't be replaced. If that continues, the page asks the person to connect again.",
  unreadable: `A secret that an earlier run kept in ${folder} doesn't open, so nothing was done. Add the key that sealed it to ENCRYPTION_KEYS and run this again; if it belongs to an earlier SnapTrade user of this person, move the file away first.`,
  adopted:
    "This person's SnapTrade user came from your own product, which uses the same secret and would lose access: SnapTrade shows the new one only to us. Nothing was done. To reset it anyway, add --adopted.",
  "not-registered": "This person has no SnapTrade user.",
  running:
    "A reset began less than two minutes ago. Wait until two minutes have passed, then run this again.",
};

nextEnv.loadEnvConfig(process.cwd());
const words = process.argv.slice(2);
const [person = ""] = words.filter((word) => word !== "--adopted");
try {
  const userId = await findUser(person);
  const result = userId
    ? await resetUserSecret(userId, folder, new Date(), {
        evenIfAdopted: words.includes("--adopted"),
      })
    : null;
  console.log(
    result
      ? sentences[result]
      : "There is no such person. Give an e-mail address, an external id, or a user id.",
  );
  process.exit(result === "reset" || result === "finished" ? 0 : 1);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

async function findUser(person: string): Promise<string | null> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(person);
  const db = await database();
  const found = async (named: SQL) =>
    (await db.select({ id: users.id }).from(users).where(named)).at(0)?.id ?? null;
  return (
    (await found(eq(users.externalId, person))) ??
    (await found(isId ? eq(users.id, person) : eq(users.email, sql`lower(${person})`)))
  );
}

/** Other errors may contain things that must not be printed. */
function explain(error: unknown): string {
  if (error instanceof DatabaseError || error instanceof SettingsError || error instanceof AppError)
    return error.message;
  if (error instanceof SnapTradeFailure)
    return `SnapTrade didn't answer as expected (${error.kind}). Run this again in two minutes to find out what happened.`;
  return `The reset didn't finish; the database may be unreachable. If there is a new secret, it is in ${folder}, so run this again on this machine.`;
}
