import { expect, test } from "vitest";
import { parseDatabaseEnv, parseEnv, SettingsError } from "./env";

const complete = {
  SNAPTRADE_CLIENT_ID: "ACMETEST",
  SNAPTRADE_CONSUMER_KEY: "key",
  NEXTAUTH_SECRET: "0123456789abcdef",
  CRON_SECRET: "0123456789abcdef",
  ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64")}`,
  SMTP_URL: "smtp://localhost:25",
  EMAIL_FROM: "a@example.com",
};

function errorsOf(settings: Record<string, string>) {
  try {
    parseEnv(settings);
    return "";
  } catch (error) {
    return error instanceof SettingsError ? error.message : "another error";
  }
}

test("a complete set of settings is accepted, and omitted settings get their documented defaults", () => {
  const env = parseEnv({ ...complete, APP_NAME: "" });
  expect(env).toMatchObject({
    APP_NAME: "Reconnect",
    DATABASE_URL: "pglite:.data/pglite",
    SNAPTRADE_API_URL: "https://api.snaptrade.com",
  });
  expect(env.SNAPTRADE_PORTAL_ORIGINS).toEqual([
    "https://app.snaptrade.com",
    "https://connect.snaptrade.com",
  ]);
});

test("what leads to the database is checked without the other settings", () => {
  expect(parseDatabaseEnv({ DATABASE_URL: "" })).toEqual({ DATABASE_URL: "pglite:.data/pglite" });
  expect(() => parseDatabaseEnv({ DATABASE_URL: "mysql://localhost" })).toThrow(/^DATABASE_URL must begin/);
});

test("all missing settings are named in one error", () => {
  const messages = errorsOf({});
  for (const name of Object.keys(complete)) expect(messages).toContain(`${name} is missing`);
});

test.each([
  ["SNAPTRADE_API_URL", "https://api.snaptrade.com/api/v1"],
  ["SNAPTRADE_API_URL", "https://api.snaptrade.com/"],
  ["SNAPTRADE_PORTAL_ORIGINS", "https://app.snaptrade.com/portal"],
  ["APP_URL", "http://localhost:3000/"],
  ["ENCRYPTION_KEYS", "k1:c2hvcnQ="],
  ["ENCRYPTION_KEYS", `${complete.ENCRYPTION_KEYS},${complete.ENCRYPTION_KEYS}`],
  ["DATABASE_URL", "mysql://localhost/x"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
  ["OTEL_METRIC_EXPORT_INTERVAL", "999"],
  ["NEXTAUTH_SECRET", "short"],
  ["SIGN_IN", "email,password"],
  ["EMBED_ORIGINS", "https://larch.example/path"],
  ["EMBED_ORIGINS", "*"],
  ["OIDC_ISSUER", "http://login.example.com"],
  ["OIDC_ISSUER", "http://localhost.example.com"],
])("an invalid %s is named without repeating its value", (name, value) => {
  const messages = errorsOf({ ...complete, [name]: value });
  expect(messages).toContain(name);
  expect(messages).not.toContain(value);
});

test("offering the company's provider without its settings stops with a sentence for each", () => {
  const messages = errorsOf({ ...complete, SIGN_IN: "email,oidc", OIDC_CLIENT_ID: "reconnect" });
  for (const name of ["OIDC_ISSUER", "OIDC_CLIENT_SECRET"]) expect(messages).toContain(`${name} is missing`);
  expect(messages).not.toContain("OIDC_CLIENT_ID");
  expect(messages).toContain("because SIGN_IN offers oidc");
  expect(parseEnv(complete).SIGN_IN).toEqual(["email"]);
});

test("a brand color is a color", () => {
  for (const BRAND_COLOR of ["#0a7d4b", "oklch(0.44 0.085 228)", "mintcream"])
    expect(parseEnv({ ...complete, BRAND_COLOR }).BRAND_COLOR).toBe(BRAND_COLOR);
  expect(() => parseEnv({ ...complete, BRAND_COLOR: "greenish" })).toThrow(
    /^BRAND_COLOR must be a CSS color/,
  );
});

test("pages can only be framed over HTTPS, or on this machine", () => {
  const framed = { ...complete, EMBED_ORIGINS: "https://larch.example" };
  expect(errorsOf({ ...framed, APP_URL: "http://app.example" })).toContain("EMBED_ORIGINS needs");
  for (const APP_URL of ["https://app.example", "http://localhost:3000"])
    expect(parseEnv({ ...framed, APP_URL }).EMBED_ORIGINS).toEqual(["https://larch.example"]);
});

test("the mode and the share of the budget are checked, and shadow mode passes no webhooks on", () => {
  expect(parseEnv(complete)).toMatchObject({ MODE: "live", SNAPTRADE_BUDGET_SHARE: 1 });
  expect(parseEnv({ ...complete, MODE: "shadow", SNAPTRADE_BUDGET_SHARE: "0.4" })).toMatchObject({
    MODE: "shadow",
    SNAPTRADE_BUDGET_SHARE: 0.4,
  });
  for (const MODE of ["Shadow", "test"]) expect(errorsOf({ ...complete, MODE })).toMatch(/^MODE must be/);
  for (const share of ["0", "0.01", "-1", "1.5", "40%", "none", "NaN"])
    expect(errorsOf({ ...complete, SNAPTRADE_BUDGET_SHARE: share }), share).toMatch(
      /^SNAPTRADE_BUDGET_SHARE/,
    );
  const relay = { WEBHOOK_RELAY_URLS: "https://app.example.com/snaptrade" };
  expect(errorsOf({ ...complete, ...relay, MODE: "shadow" })).toMatch(/^WEBHOOK_RELAY_URLS must be empty/);
  expect(errorsOf({ ...complete, ...relay })).toBe("");
});
