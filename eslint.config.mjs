import { defineConfig, globalIgnores } from "eslint/config";
import nextCoreWebVitals from "eslint-config-next/core-web-vitals";
import tseslint from "typescript-eslint";

const domains = ["connections", "notifications", "webhooks"].map((name) => `./lib/${name}`);
const adapters = ["auth", "db", "snaptrade"].map((name) => `./lib/${name}`);

/** Imports go down only: app → components → lib/<domain> → lib/<adapter> → lib base. Nothing is called back upwards. */
const zones = [
  { target: "./lib", from: ["./app", "./components", "./e2e"] },
  { target: "./components", from: ["./app", "./e2e"] },
  { target: "./app", from: "./e2e" },
  { target: "./e2e", from: ["./app", "./components", "./lib"] },
  { target: adapters, from: domains },
  { target: "./lib/snaptrade", from: ["./lib/db", "./lib/auth"] },
  { target: "./lib/db", from: ["./lib/snaptrade", "./lib/auth"] },
  { target: "./lib/notifications", from: ["./lib/connections", "./lib/webhooks", "./lib/reconcile.ts"] },
  { target: "./lib/connections", from: ["./lib/webhooks", "./lib/reconcile.ts"] },
  { target: "./lib/webhooks", from: "./lib/reconcile.ts" },
  {
    target: "./components",
    from: [...domains, ...adapters],
    except: ["**/actions.ts", "**/schema.ts", "**/views.ts", "**/status.ts", "**/portal-outcome.ts"],
  },
].flatMap(({ target, from, except }) =>
  [from]
    .flat()
    .flatMap((source) =>
      [target].flat().map((place) => ({ target: place, from: source, ...(except ? { except: except.map((glob) => glob.replace("**", ".")) } : {}) })),
    ),
);

/** Each vendor has one door. */
const doors = [
  { package: "snaptrade-typescript-sdk", only: "lib/snaptrade/**" },
  { package: "next-auth", only: "lib/auth/**" },
  { package: "@electric-sql/pglite", only: "lib/db/**" },
  { package: "pg", only: "lib/db/**" },
  { package: "@neondatabase/serverless", only: "lib/db/**" },
  { package: "nodemailer", only: "lib/mail*.ts" },
];
const restrict = (packages) => [
  "error",
  { patterns: packages.map((name) => ({ group: [name, `${name}/*`], message: `${name} has one door; call what stands behind it.` })) },
];

export default defineConfig([
  globalIgnores([".next/", ".data/", "next-env.d.ts", "test-results/", "playwright-report/"]),
  nextCoreWebVitals,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    settings: { "import/resolver": { typescript: true } },
    rules: {
      "import/no-restricted-paths": ["error", { zones }],
      "no-restricted-imports": restrict(doors.map((door) => door.package)),
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
    },
  },
  ...[...new Set(doors.map((door) => door.only))].map((only) => ({
    files: [only],
    rules: { "no-restricted-imports": restrict(doors.filter((door) => door.only !== only).map((door) => door.package)) },
  })),
  // Tests, and what sets the stage for them, may start the emulator and open databases.
  {
    files: ["lib/**/*.test.ts", "lib/**/testing.ts", "lib/db/testing/**"],
    rules: { "import/no-restricted-paths": "off", "no-restricted-imports": "off" },
  },
  // The logo's host is SnapTrade's; our server should not fetch and resize it.
  { files: ["components/ui/tile.tsx"], rules: { "@next/next/no-img-element": "off" } },
  // A simulated process of the app is driven through what this one file names of lib/.
  { files: ["e2e/simulate/app-entry.ts"], rules: { "import/no-restricted-paths": "off" } },
  // The emulator is no part of the app; what proves that nothing is lost, or makes days pass, speaks to the database itself.
  { files: ["e2e/**"], rules: { "no-restricted-imports": "off" } },
]);
