import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
import { root } from "../../support/ground.mjs";
import { broken, expect, servers, test } from "../../support/test";

const allowed = 1.15;

/** The scripts of an empty page, built with the same versions as the app. */
async function emptyPageWeight(): Promise<number> {
  const folder = path.join(root, ".data/empty-page");
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, "app"), { recursive: true });
  await writeFile(path.join(folder, "package.json"), `{ "type": "module" }`);
  await writeFile(
    path.join(folder, "next.config.mjs"),
    `export default { turbopack: { root: ${JSON.stringify(root)} }, outputFileTracingRoot: ${JSON.stringify(root)} };`,
  );
  await writeFile(
    path.join(folder, "app/layout.jsx"),
    `export default function Layout({ children }) { return <html><body>{children}</body></html>; }`,
  );
  await writeFile(
    path.join(folder, "app/page.jsx"),
    `export default function Page() { return <p>empty</p>; }`,
  );
  const build = spawn(process.execPath, [path.join(root, "node_modules/next/dist/bin/next"), "build"], {
    cwd: folder,
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production" },
  });
  const [code] = (await once(build, "exit")) as [number];
  expect(code).toBe(0);
  const html = await readFile(path.join(folder, ".next/server/app/index.html"), "utf8");
  const weight = await sumOf(scriptsIn(html), (name) => readFile(path.join(folder, ".next", name)));
  expect(await readdir(path.join(folder, ".next/static"))).not.toEqual([]);
  await rm(folder, { recursive: true, force: true });
  return weight;
}

/** The script files that a modern browser requests on its own. */
function scriptsIn(html: string): string[] {
  const tags = [...html.matchAll(/<script\b[^>]*\bsrc="\/_next\/([^"]+)"[^>]*>/g)].filter(
    ([tag]) => !/nomodule/i.test(tag),
  );
  return [...new Set(tags.map(([, source]) => (source ?? "").split("?")[0] ?? ""))];
}

async function sumOf(names: string[], read: (name: string) => Promise<Buffer>): Promise<number> {
  const sizes = await Promise.all(names.map(async (name) => brotliCompressSync(await read(name)).length));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test(`the connections page loads at most ${allowed} times the script of an empty page`, async ({ make }) => {
  test.setTimeout(180_000);
  const owner = await make(broken("VANGUARD"), broken("KRAKEN"), { brokerage: "ALPACA" });
  const html = await owner.visitor.open("/connections");
  const own = await sumOf(scriptsIn(html), async (name) =>
    Buffer.from(await (await fetch(`${servers().appUrl}/_next/${name}`)).arrayBuffer()),
  );
  const empty = await emptyPageWeight();
  console.log(
    `script, brotli: connections page ${own} bytes, empty page ${empty} bytes, ratio ${(own / empty).toFixed(3)}`,
  );
  expect(empty).toBeGreaterThan(50_000);
  expect(own / empty).toBeLessThanOrEqual(allowed);
});
