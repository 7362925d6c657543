import { readFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { compile } from "tailwindcss";
import { root } from "../../support/ground.mjs";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const larch = "e2e/demo/larch";
/** Whose class names the style covers. */
const drawn = [`${larch}/page.tsx`, `${larch}/event-list.tsx`, "components/registry/connection-banner.tsx"];

let bundled: Promise<{ script: string; style: string }> | undefined;

/** Larch's script and style, made once, with the banner from the files that the registry offers. */
export function bundle(): Promise<{ script: string; style: string }> {
  return (bundled ??= Promise.all([bundleScript(), bundleStyle()]).then(([script, style]) => ({
    script,
    style,
  })));
}

async function bundleScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, larch, "page.tsx")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
  });
  return outputFiles[0]?.text ?? "";
}

async function bundleStyle(): Promise<string> {
  const style = await compile(read(`${larch}/larch.css`), {
    loadStylesheet: () => {
      const file = "node_modules/tailwindcss/index.css";
      return Promise.resolve({ path: file, base: path.dirname(file), content: read(file) });
    },
  });
  // Words that aren't class names are ignored.
  return style.build(drawn.flatMap((file) => read(file).split(/[\s"'`]+/)));
}
