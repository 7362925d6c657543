import nextEnv from "@next/env";
import { SettingsError } from "@/lib/base/env";
import { DatabaseError } from "@/lib/db/errors";
import { countRelaysUnderOlderKeys } from "@/lib/events/relay";
import { resealEndpoints } from "@/lib/events/sign";
import { keptSecretsFolder, listKeptUnderOlderKeys } from "./kept-secret";
import { apiAnswers, rotateKeys, userSecrets } from "./rotate-keys";

// The command behind `npm run keys:rotate`, with the same settings as the app.
nextEnv.loadEnvConfig(process.cwd());
const startedAt = Date.now();
let reportedAt = 0;
try {
  const { resealed, left, unreadable, unreadableIds } = await rotateKeys(
    userSecrets,
    ({ seen, resealed }, finished) => {
      if (Date.now() - reportedAt < 1_000) return;
      reportedAt = Date.now();
      console.log(`${seen} secrets seen, ${resealed} resealed, about ${secondsLeft(finished)} s left`);
    },
  );
  console.log(`${resealed} secrets resealed, ${left} left under an older key, ${unreadable} unreadable.`);
  if (left > 0)
    console.error(
      "Something is still sealing under an older key. Make sure that every process runs with the new ENCRYPTION_KEYS, then run this again.",
    );
  if (unreadable > 0)
    console.error(
      `No key in ENCRYPTION_KEYS opens these people's secrets, so they were left unchanged. Add the key that sealed them:\n${unreadableIds.join("\n")}`,
    );
  const kept = await listKeptUnderOlderKeys(keptSecretsFolder);
  if (kept.length > 0)
    console.error(
      `These people's new secrets are kept in ${keptSecretsFolder} under an older key. Finish with "npm run users:reset-secret", then run this again:\n${kept.join("\n")}`,
    );
  // Those that no key opens are left to expire: repeating such a request is answered with answer-lost.
  const answers = await rotateKeys(apiAnswers);
  console.log(`${answers.resealed} stored API answers resealed, ${answers.left} left.`);
  const endpoints = await resealEndpoints(new Date());
  if (endpoints.length > 0)
    console.error(
      `No key in ENCRYPTION_KEYS opens some signing secrets of these endpoints. Add the key that sealed them. If it is lost, rotate the endpoints, and run this again a day later:\n${endpoints.join("\n")}`,
    );
  const relays = await countRelaysUnderOlderKeys();
  if (relays > 0)
    console.error(
      `${relays} webhooks that wait to be relayed are sealed under an older key. Run this again once they are delivered, at most four days from now.`,
    );
  const isDone = left + unreadable + kept.length + answers.left + endpoints.length + relays === 0;
  if (isDone) console.log("The older keys are no longer needed in ENCRYPTION_KEYS.");
  process.exit(isDone ? 0 : 1);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

function secondsLeft(finished: number): number {
  return finished > 0 ? Math.ceil((((Date.now() - startedAt) / 1_000) * (1 - finished)) / finished) : 0;
}

/** Other errors may contain things that must not be printed. */
function explain(error: unknown): string {
  const known = error instanceof DatabaseError || error instanceof SettingsError;
  return known
    ? error.message
    : "The rotation didn't finish. What was resealed stays resealed; run this again for the rest.";
}
