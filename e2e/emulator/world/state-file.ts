import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { World } from "./model";

const version = 1;
const saveDelay = 150;

export class StateFileError extends Error {}

interface Saved {
  version: number;
  users: [];
  sessions: [];
  events: [];
  faults: [];
  mail: [];
  brokerageFlags: object;
  settings: object;
  clockOffset: number;
  nextMailId: number;
}

/** Loads the previous run's state and keeps the file up to date. Returns a function that saves once more. */
export function keepState(world: World, path: string): () => void {
  load(world, path);
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    write(path, serialize(world));
  };
  world.onChange = () => {
    timer ??= setTimeout(save, saveDelay);
  };
  return save;
}

function serialize(world: World): string {
  const { brokerageFlags, settings, clockOffset, faults, mail, nextMailId } = world;
  const maps = { users: [...world.users], sessions: [...world.sessions], events: [...world.events] };
  return JSON.stringify({
    version,
    ...maps,
    brokerageFlags,
    settings,
    clockOffset,
    faults,
    mail,
    nextMailId,
  });
}

function write(path: string, text: string) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function load(world: World, path: string) {
  if (!existsSync(path)) return;
  const saved = parse(readFileSync(path, "utf8"));
  if (!saved)
    throw new StateFileError(`The emulator's state file ${path} is damaged; delete it to start over.`);
  world.users = new Map(saved.users);
  world.sessions = new Map(saved.sessions);
  world.events = new Map(saved.events);
  const { brokerageFlags, settings, clockOffset, faults, mail, nextMailId } = saved;
  Object.assign(world, { brokerageFlags, clockOffset, faults, mail, nextMailId });
  Object.assign(world.settings, settings);
}

function parse(text: string): Saved | null {
  try {
    const value: unknown = JSON.parse(text);
    return isSaved(value) ? value : null;
  } catch {
    return null;
  }
}

/** Only this module writes the file, so checking its outline is enough to detect damage. */
function isSaved(value: unknown): value is Saved {
  if (typeof value !== "object" || value === null) return false;
  const members: Record<string, unknown> = { ...value };
  const lists = ["users", "sessions", "events", "faults", "mail"].every((name) =>
    Array.isArray(members[name]),
  );
  const objects = ["brokerageFlags", "settings"].every(
    (name) => typeof members[name] === "object" && members[name] !== null,
  );
  const numbers = ["clockOffset", "nextMailId"].every((name) => typeof members[name] === "number");
  return members.version === version && lists && objects && numbers;
}
