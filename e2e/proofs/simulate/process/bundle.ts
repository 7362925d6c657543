import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { build } from "esbuild";
import { rememberKinds } from "./kinds";
import { makeGlobals, type Surroundings } from "./globals";

const root = path.resolve(import.meta.dirname, "../../../..");
const realRequire = createRequire(path.join(root, "package.json"));
rememberKinds(realRequire);

const names = [
  "require", "module", "exports", "globalThis", "global", "process", "Date", "Math", "setTimeout", "clearTimeout", "setInterval", "clearInterval",
  "setImmediate", "clearImmediate", "fetch", "performance", "crypto", "AbortSignal",
] as const; // prettier-ignore

/** A program that can be started any number of times in this process, each time in its own surroundings. */
export interface Program<Exports> {
  start: (surroundings: Surroundings) => Exports;
}

/** Anything without its own clock, timers, or randomness is shared between all programs. */
const shared = [
  "zod",
  "drizzle-orm",
  "drizzle-orm/*",
  "culori",
  "axios",
  "hono",
  "hono/*",
  "@hono/*",
  "nodemailer",
  "@electric-sql/*",
  "fs-native-extensions",
];

/**
 * Bundles a module and its imports so that it can run here with different globals.
 * @param change edits a file's source, for mutations
 */
export async function bundle<Exports>(
  entry: string,
  change: (file: string, text: string) => string = (_, text) => text,
): Promise<Program<Exports>> {
  const { readFile } = await import("node:fs/promises");
  const built = await build({
    entryPoints: [path.join(root, entry)],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "error",
    define: { "import.meta.url": JSON.stringify(pathToFileURL(path.join(root, "package.json")).href) },
    alias: { "@": root, "server-only": path.join(root, "lib/testing/server-only.ts") },
    external: [
      ...shared,
      "pg-native",
      "pg-cloudflare",
      "pino",
      "ws",
      "@neondatabase/serverless",
      "next",
      "next/*",
      "next-auth",
      "react",
      "smtp-server",
      "postal-mime",
    ],
    plugins: [
      {
        name: "mutations",
        setup(hooks) {
          hooks.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
            if (!file.startsWith(root) || file.includes("node_modules")) return undefined;
            return {
              contents: change(path.relative(root, file), await readFile(file, "utf8")),
              loader: "ts",
            };
          });
        },
      },
    ],
  });
  const [output] = built.outputFiles;
  if (!output) throw new Error(`${entry} was not bundled`);
  const source = `(function (${names.join(", ")}) {${output.text}\n})`;
  const define = new Script(source, { filename: `simulated/${path.basename(entry)}` }).runInThisContext() as (
    ...args: unknown[]
  ) => void;
  return {
    start(surroundings) {
      const own = makeGlobals(surroundings, realRequire);
      const exported = { exports: {} };
      const given: Record<string, unknown> = { ...own, module: exported, exports: exported.exports };
      define(...names.map((name) => given[name]));
      return exported.exports as Exports;
    },
  };
}
