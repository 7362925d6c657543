import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../support/ground.mjs";

interface Package {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const ours = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Package;
const version = (name: string) => ({ [name]: ours.dependencies[name] ?? ours.devDependencies[name] });
const json = (value: object) => JSON.stringify(value, null, 2);

/** The CLI that adds registry items; 225 packages, so it isn't a dependency of ours. */
const shadcn = { shadcn: "4.23.0" };

const files: Record<string, string> = {
  "package.json": json({
    name: "larch",
    private: true,
    dependencies: { ...version("next"), ...version("react"), ...version("react-dom") },
    devDependencies: {
      ...version("@types/node"),
      ...version("@types/react"),
      ...version("@types/react-dom"),
      ...version("typescript"),
      ...version("tailwindcss"),
      ...version("@tailwindcss/postcss"),
      ...shadcn,
    },
  }),
  // Without this, the CLI asks ui.shadcn.com for colors.
  "components.json": json({
    $schema: "https://ui.shadcn.com/schema.json",
    style: "new-york",
    rsc: true,
    tsx: true,
    tailwind: { config: "", css: "app/globals.css", baseColor: "", cssVariables: false },
    aliases: { components: "@/components", utils: "@/lib/utils", lib: "@/lib", hooks: "@/hooks" },
  }),
  "tsconfig.json": json({
    compilerOptions: {
      target: "ES2022",
      lib: ["dom", "dom.iterable", "esnext"],
      module: "esnext",
      moduleResolution: "bundler",
      jsx: "react-jsx",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      esModuleInterop: true,
      isolatedModules: true,
      incremental: true,
      plugins: [{ name: "next" }],
      paths: { "@/*": ["./*"] },
    },
    include: ["next-env.d.ts", "**/*.ts", "**/*.tsx", ".next/types/**/*.ts"],
    exclude: ["node_modules"],
  }),
  "postcss.config.mjs": `export default { plugins: { "@tailwindcss/postcss": {} } };\n`,
  "app/globals.css": `@import "tailwindcss";\n`,
  "app/layout.tsx": `import "./globals.css";

export default function Layout({ children }: { children: React.ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
`,
  "app/page.tsx": `export default function Page() {
  return <h1>Portfolio</h1>;
}
`,
};

/** Writes an empty Next app that is ready for shadcn. */
export function writeEmptyApp(folder: string): void {
  for (const [name, content] of Object.entries(files)) {
    const place = path.join(folder, name);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
}

/** Does what the item asks of whoever adds it: the banner is on the page, and the route knows the person. */
export function clickBanner(folder: string, externalId: string): void {
  writeFileSync(
    path.join(folder, "app/page.tsx"),
    `import { ConnectionBanner } from "@/components/connection-banner";

export default function Page() {
  return (
    <main>
      <ConnectionBanner />
      <h1>Portfolio</h1>
    </main>
  );
}
`,
  );
  const route = path.join(folder, "app/api/reconnect/route.ts");
  const unfilled = readFileSync(route, "utf8");
  const filled = unfilled.replace(/throw new Error\(.*\);/, `return ${JSON.stringify(externalId)};`);
  if (filled === unfilled) throw new Error("The route doesn't ask who is signed in");
  writeFileSync(route, filled);
}
