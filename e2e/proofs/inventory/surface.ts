import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../support/ground.mjs";

/** One server action of the build, and a page that it can be posted to. */
export interface Action {
  id: string;
  /** As `file#export`. */
  name: string;
  page: string;
}

interface ActionEntry {
  filename: string;
  exportedName: string;
  workers: Record<string, unknown>;
}

const read = (file: string) => JSON.parse(readFileSync(path.join(root, ".next", file), "utf8")) as unknown;

/** Every route that the build serves from `app/`, such as `/fix/[token]`. */
export function listRoutes(): string[] {
  const routes = read("app-path-routes-manifest.json") as Record<string, string>;
  return [...new Set(Object.values(routes))].sort();
}

/** Every server action that the build answers, whether or not a page still uses it. */
export function listActions(): Action[] {
  const routes = read("app-path-routes-manifest.json") as Record<string, string>;
  const manifest = read("server/server-reference-manifest.json") as Record<
    "node" | "edge",
    Record<string, ActionEntry>
  >;
  return Object.entries({ ...manifest.node, ...manifest.edge })
    .map(([id, { filename, exportedName, workers }]) => {
      const pages = Object.keys(workers).flatMap((worker) => routes[worker.replace(/^app/, "")] ?? []);
      // A page that everyone can open, so that its own answer doesn't hide the action's.
      const page = pages.find((place) => !place.includes("[")) ?? pages[0] ?? "/";
      return { id, name: `${filename}#${exportedName}`, page };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}
