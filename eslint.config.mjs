import { defineConfig, globalIgnores } from "eslint/config";
import nextCoreWebVitals from "eslint-config-next/core-web-vitals";
import tseslint from "typescript-eslint";

/**
 * The floors of lib/, lowest first. A file may import from its own room, from rooms to its left on the same
 * floor, and from every floor below (docs/decisions/0014-rooms-and-words.md). Every folder is listed once.
 */
const floors = [
  ["base"],
  ["db"],
  ["server", "budget.ts", "limits.ts", "live.ts", "mail-frame.ts", "mail.ts"],
  ["snaptrade", "auth"],
  ["action.ts"],
  ["events", "fix-sessions/schema.ts", "fix-sessions/links", "fix-sessions/ending", "notifications"],
  ["connections/views.ts", "connections/schema.ts"],
  ["connections/observations", "connections/look", "connections/portal", "connections/pages"],
  ["account", "people"],
  ["fix-sessions/views.ts", "fix-sessions/visits"],
  ["connections/actions.ts", "connections/forms.ts", "fix-sessions/actions.ts"],
  ["webhooks"],
  ["api"],
  ["reconcile"],
].map((floor) => floor.map((room) => `./lib/${room}`));

/** What components may import from a domain: actions, schemas, views, and the pure rules they share. */
const openToComponents = ["actions", "schema", "views", "pages/status", "portal/outcome", "look/due"];
const domains = [
  "auth",
  "connections",
  "events",
  "notifications",
  "account",
  "people",
  "fix-sessions",
  "webhooks",
  "api",
  "reconcile",
];
const adapters = [
  "db",
  "snaptrade",
  "server",
  "budget.ts",
  "limits.ts",
  "live.ts",
  "mail-frame.ts",
  "mail.ts",
];

const zones = [
  { target: "./lib", from: ["./app", "./components", "./e2e"] },
  { target: "./components", from: ["./app", "./e2e"] },
  { target: "./app", from: "./e2e" },
  { target: "./e2e", from: ["./app", "./components", "./lib"] },
  ...floors.flatMap((floor, level) => [
    { target: floor, from: floors.slice(level + 1).flat() },
    ...floor.map((room, place) => ({ target: room, from: floor.slice(place + 1) })),
  ]),
  { target: ["./lib/snaptrade"], from: ["./lib/db"] },
  { target: "./components", from: adapters.map((name) => `./lib/${name}`) },
  ...domains.map((name) => ({
    target: "./components",
    // Patterns, because the plugin resolves exceptions that are plain paths again for each file it checks.
    from: `./lib/${name}/**`,
    except: openToComponents.map((file) => `**/lib/${name}/${file}.ts`),
  })),
].flatMap(({ target, from, except }) =>
  [from]
    .flat()
    .flatMap((source) =>
      [target].flat().map((place) => ({ target: place, from: source, ...(except ? { except } : {}) })),
    ),
);

/** Each vendor's package may be imported in one place only. */
const doors = [
  { package: "snaptrade-typescript-sdk", only: "lib/snaptrade/**" },
  { package: "next-auth", only: "lib/auth/**" },
  { package: "@electric-sql/pglite", only: "lib/db/**" },
  { package: "pg", only: "lib/db/**" },
  { package: "@neondatabase/serverless", only: "lib/db/**" },
  { package: "nodemailer", only: "lib/mail*.ts" },
  { package: "standardwebhooks", only: "lib/events/**" },
  { package: "@opentelemetry", only: "lib/server/**" },
];
const restrict = (packages) => [
  "error",
  {
    patterns: packages.map((name) => ({
      group: [name, `${name}/*`],
      message: `Only one place imports ${name}; call that instead.`,
    })),
  },
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
    rules: {
      "no-restricted-imports": restrict(
        doors.filter((door) => door.only !== only).map((door) => door.package),
      ),
    },
  })),
  // Tests and their setup may start the emulator and open databases.
  {
    files: ["lib/**/*.test.ts", "lib/**/testing.ts", "lib/testing/**"],
    rules: { "import/no-restricted-paths": "off", "no-restricted-imports": "off" },
  },
  // Logos are on SnapTrade's host; our server should not fetch and resize them.
  { files: ["components/ui/tile.tsx"], rules: { "@next/next/no-img-element": "off" } },
  // Five proofs run the app's own code: the simulator, through one entry file, the policy and scale benches,
  // the import in virtual time, and the workers that deliver events.
  {
    files: [
      "e2e/proofs/simulate/process/app-entry.ts",
      "e2e/proofs/bench/policy.ts",
      "e2e/proofs/events/worker.ts",
      "e2e/proofs/bench/scale/*.ts",
      "e2e/proofs/import/virtual.ts",
    ],
    rules: { "import/no-restricted-paths": "off" },
  },
  // Larch, the company in the demonstration, uses what the registry offers to companies.
  { files: ["e2e/demo/larch/*.{ts,tsx}"], rules: { "import/no-restricted-paths": "off" } },
  // The emulator isn't part of the app, and some proofs access the database directly.
  { files: ["e2e/**"], rules: { "no-restricted-imports": "off" } },
]);
