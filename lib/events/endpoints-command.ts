import nextEnv from "@next/env";
import { AppError } from "@/lib/base/errors";
import { SettingsError } from "@/lib/base/env";
import { DatabaseError } from "@/lib/db/errors";
import { eventTypes } from "@/lib/db/schema/events";
import {
  addEndpoint,
  listEndpoints,
  removeEndpoint,
  rotateSecret,
  testEndpoint,
  type EventType,
} from "./endpoints";

// The command behind `npm run endpoints`, with the same settings as the app.
const usage = `npm run endpoints -- add <url> [--events ${eventTypes.slice(0, 2).join(",")},…]
                  | list
                  | rotate <id>     a new secret; those before also sign for 24 hours
                  | test <id>       sends endpoint.test, and resumes a paused endpoint that accepts it
                  | remove <id>     and everything that waits for it`;

type Work = (given: string, events: string | undefined) => Promise<string | null>;

/** Each returns what to print; null if it failed. */
const commands: Record<string, Work> = {
  async add(url, events) {
    const { id, secret } = await addEndpoint(url, typesOf(events), new Date());
    return `Added ${id}. Its signing secret, which is shown only now:\n${secret}`;
  },
  async list() {
    const endpoints = await listEndpoints();
    return endpoints.length === 0 ? "There are no endpoints." : endpoints.map(lineOf).join("\n");
  },
  async rotate(id) {
    const secret = await rotateSecret(id, new Date());
    return `The new signing secret, which is shown only now; those before also sign for 24 hours:\n${secret}`;
  },
  async test(id) {
    const failure = await testEndpoint(id, new Date());
    if (!failure) return "The endpoint accepted a test event.";
    console.error(`The endpoint didn't accept a test event: ${failure}`);
    return null;
  },
  async remove(id) {
    await removeEndpoint(id, new Date());
    return "Removed.";
  },
};

nextEnv.loadEnvConfig(process.cwd());
const [command = "", ...rest] = process.argv.slice(2);
const flag = rest.indexOf("--events");
const work = Object.hasOwn(commands, command) ? commands[command] : undefined;
try {
  const said = work ? await work(rest[0] ?? "", flag < 0 ? undefined : rest[flag + 1]) : null;
  if (!work) console.error(usage);
  if (said !== null) console.log(said);
  process.exit(said === null ? 1 : 0);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

/** @throws SettingsError for a type that doesn't exist */
function typesOf(list: string | undefined): EventType[] | null {
  if (list === undefined) return null;
  return list.split(",").map((name) => {
    const type = eventTypes.find((one) => one === name.trim());
    if (!type) throw new SettingsError(`There is no event ${name}. There are: ${eventTypes.join(", ")}`);
    return type;
  });
}

function lineOf(endpoint: Awaited<ReturnType<typeof listEndpoints>>[number]): string {
  const { id, url, types, pausedAt, failingSince, lastError, waiting, dead } = endpoint;
  const state = pausedAt
    ? `paused since ${pausedAt.toISOString()}: ${lastError ?? ""}`
    : failingSince
      ? `failing since ${failingSince.toISOString()}: ${lastError ?? ""}`
      : "working";
  return `${id}  ${url}\n  ${state}; ${waiting} waiting, ${dead} dead; ${types?.join(", ") ?? "all events"}`;
}

/** Other errors may contain things that must not be printed. */
function explain(error: unknown): string {
  const known = error instanceof DatabaseError || error instanceof SettingsError || error instanceof AppError;
  return known
    ? error.message
    : "That didn't work; the database may be unreachable. Nothing was shown or changed.";
}
