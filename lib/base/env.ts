import { z } from "zod";
import { isColor } from "./brand";
import { isProxyEntry } from "./client-address";

const origin = z
  .string()
  .refine(
    (value) => URL.canParse(value) && new URL(value).origin === value,
    "must be an origin such as https://app.example.com, without a path",
  );

const required = (what: string) => z.string(`is missing: ${what}`).min(1, `is missing: ${what}`);

const encryptionKeys = z.string().transform((value, context) => {
  const keys = value.split(",").map((entry) => {
    const [id = "", encoded = ""] = entry.trim().split(":");
    return { id, key: Buffer.from(encoded, "base64") };
  });
  const ids = new Set(keys.map((key) => key.id));
  if (
    ids.size !== keys.length ||
    keys.some(({ id, key }) => !/^[\w-]{1,32}$/.test(id) || key.length !== 32)
  ) {
    context.addIssue(
      "must be id:key pairs, comma-separated, each key 32 bytes in base64 and each id used once",
    );
    return z.NEVER;
  }
  return keys;
});

/** Identity providers are reached over HTTPS; plain HTTP only on this machine. */
const issuer = z
  .url("must be a URL")
  .refine(
    (value) =>
      /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|\/|$))/.test(value) && !/[?#]/.test(value),
    "must begin with https:// (http:// only on this machine) and have no query",
  );

const signInWays = ["email", "oidc"] as const;

/** Schemes that run scripts, read files, or would stay within the browser; an app's own scheme is none of them. */
const neverReturned =
  /^(javascript|data|vbscript|blob|file|filesystem|about|view-source|wss?|ftp|mailto|tel):$/;

/** Where a fix session may return to: an origin, perhaps with the beginning of a path, or an app's scheme. */
export interface ReturnTarget {
  protocol: string;
  /** Empty for any host of an app's scheme. */
  host: string;
  /** Without a trailing slash; empty for any. */
  path: string;
}

const returnUrls = z.string().transform((value, context): ReturnTarget[] => {
  const entries = value.split(",").flatMap((entry) => entry.trim() || []);
  return entries.map((entry) => {
    const url =
      /^[a-z][a-z0-9+.-]*:\/\/[\x21-\x7e]*$/i.test(entry) && URL.canParse(entry) ? new URL(entry) : null;
    if (!url || neverReturned.test(url.protocol) || url.username || url.password || url.search || url.hash) {
      context.addIssue("must be origins such as https://app.example.com, or app schemes such as example://");
      return z.NEVER;
    }
    return { protocol: url.protocol, host: url.host, path: url.pathname.replace(/\/$/, "") };
  });
});

const settings = z.object({
  APP_URL: origin.default("http://localhost:3000"),
  APP_NAME: z.string().min(1).max(40).default("Reconnect"),
  BRAND_COLOR: z
    .string()
    .default("oklch(0.44 0.085 228)")
    .refine(isColor, "must be a CSS color such as #0a7d4b or oklch(0.44 0.085 228)"),
  DATABASE_URL: z
    .string()
    .regex(/^(postgres(ql)?:\/\/|pglite:.+)/, "must begin with postgres:// or be pglite:<folder>")
    .default("pglite:.data/pglite"),
  DATABASE_DRIVER: z.enum(["pg", "neon"], "must be pg or neon").optional(),
  NEON_WS_PROXY: z.string().optional(),
  SNAPTRADE_CLIENT_ID: required("the client id of your SnapTrade API key"),
  SNAPTRADE_CONSUMER_KEY: required("the consumer key of your SnapTrade API key"),
  SNAPTRADE_PREVIOUS_CONSUMER_KEY: z.string().optional(),
  SNAPTRADE_BUDGET_SHARE: z.coerce
    .number("must be a number from 0.05 to 1")
    .min(0.05, "must be at least 0.05")
    .max(1, "must be at most 1, which is all of SnapTrade's limit")
    .default(1),
  // With a path in the URL, the SDK would sign a different path than it sends (docs/snaptrade.md §1.2).
  SNAPTRADE_API_URL: z
    .url("must be a URL")
    .refine((value) => !/\/(api\/v1)?$/.test(value), "must have no trailing slash and no /api/v1")
    .default("https://api.snaptrade.com"),
  // SnapTrade's two public origins (docs/snaptrade.md §4.14).
  SNAPTRADE_PORTAL_ORIGINS: z
    .string()
    .default("https://app.snaptrade.com,https://connect.snaptrade.com")
    .transform((value) => value.split(",").map((entry) => entry.trim()))
    .pipe(z.array(origin)),
  NEXTAUTH_SECRET: required("next-auth signs with it; make one with `openssl rand -base64 32`").min(
    16,
    "must have at least 16 characters",
  ),
  ENCRYPTION_KEYS: required(
    "it seals the secrets of SnapTrade users; make one with `echo k1:$(openssl rand -base64 32)`",
  ).pipe(encryptionKeys),
  SIGN_IN: z
    .string()
    .default("email")
    .transform((value) => [...new Set(value.split(",").map((entry) => entry.trim()))])
    .pipe(z.array(z.enum(signInWays, "must be email, oidc, or both, comma-separated"))),
  OIDC_ISSUER: issuer.optional(),
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().optional(),
  OIDC_NAME: z.string().max(40, "must have at most 40 characters").optional(),
  OIDC_EXTERNAL_ID_CLAIM: z.string().max(100, "must have at most 100 characters").default("sub"),
  EMBED_ORIGINS: z
    .string()
    .default("")
    .transform((value) => value.split(",").flatMap((entry) => entry.trim() || []))
    .pipe(z.array(origin)),
  SMTP_URL: required("where mail is handed over, such as smtp://user:password@mail.example.com:587").regex(
    /^smtps?:\/\//,
    "must begin with smtp:// or smtps://",
  ),
  EMAIL_FROM: required("the sender of our mail, such as Example <connections@example.com>"),
  CRON_SECRET: required(
    "the bearer token of /api/cron/reconcile; make one with `openssl rand -base64 32`",
  ).min(16, "must have at least 16 characters"),
  RECONCILE_IN_PROCESS: z.enum(["true", "false"], "must be true or false").optional(),
  MODE: z.enum(["live", "shadow"], "must be live or shadow").default("live"),
  RETURN_URLS: returnUrls.prefault(""),
  TRUSTED_PROXIES: z
    .string()
    .default("")
    .transform((value) => value.split(",").flatMap((entry) => entry.trim() || []))
    .refine(
      (entries) => entries.every(isProxyEntry),
      "must be addresses or networks such as 10.0.0.0/8, comma-separated",
    ),
  EVENTS_ALLOW_PRIVATE: z
    .enum(["true", "false"], "must be true or false")
    .default("false")
    .transform((value) => value === "true"),
  WEBHOOK_RELAY_URLS: z
    .string()
    .default("")
    .transform((value) => value.split(",").flatMap((entry) => entry.trim() || []))
    .pipe(z.array(z.url({ protocol: /^https?$/, error: "must be http or https URLs, comma-separated" }))),
  // Only checked here. The exporters read it and the related settings themselves.
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "must be an http or https URL" })
    .optional(),
  OTEL_METRIC_EXPORT_INTERVAL: z.coerce
    .number("must be a number of milliseconds")
    .int("must be a whole number of milliseconds")
    .min(1_000, "must be at least 1000 milliseconds")
    .max(3_600_000, "must be at most 3600000 milliseconds")
    .default(60_000),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
});

/** What signing in through the company's provider cannot do without. */
const forOidc = {
  OIDC_ISSUER: "the address of your identity provider, such as https://login.example.com",
  OIDC_CLIENT_ID: "the id of this app at your identity provider",
  OIDC_CLIENT_SECRET: "the secret of this app at your identity provider",
} as const;

const schema = settings.superRefine((value, context) => {
  if (value.EMBED_ORIGINS.length > 0 && !/^(https:|http:\/\/localhost(:|$))/.test(value.APP_URL))
    context.addIssue({
      code: "custom",
      path: ["EMBED_ORIGINS"],
      message: "needs an APP_URL with https://, because browsers keep no cookie for a frame without it",
    });
  if (value.MODE === "shadow" && value.WEBHOOK_RELAY_URLS.length > 0)
    context.addIssue({
      code: "custom",
      path: ["WEBHOOK_RELAY_URLS"],
      message:
        "must be empty with MODE=shadow, in which nothing is passed on; let your listener forward SnapTrade's webhooks here instead",
    });
  if (!value.SIGN_IN.includes("oidc")) return;
  for (const name of ["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"] as const)
    if (!value[name])
      context.addIssue({
        code: "custom",
        path: [name],
        message: `is missing: ${forOidc[name]}, because SIGN_IN offers oidc`,
      });
});

const databaseSettings = settings.pick({ DATABASE_URL: true, DATABASE_DRIVER: true, NEON_WS_PROXY: true });

type Env = z.infer<typeof schema>;
type DatabaseEnv = z.infer<typeof databaseSettings>;

/** A setting is wrong or missing. The message names each one and how to fix it, and never repeats a value. */
export class SettingsError extends Error {}

/**
 * Parses and validates all settings (README, "Settings").
 * @throws SettingsError with one line per setting that is wrong or missing
 */
export function parseEnv(source: Record<string, string | undefined>): Env {
  return parse(schema, source);
}

/**
 * Parses and validates only what leads to the database, for what runs before the rest is set.
 * @throws SettingsError like parseEnv
 */
export function parseDatabaseEnv(source: Record<string, string | undefined>): DatabaseEnv {
  return parse(databaseSettings, source);
}

function parse<T>(wanted: z.ZodType<T>, source: Record<string, string | undefined>): T {
  const present = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = wanted.safeParse(present);
  if (parsed.success) return parsed.data;
  throw new SettingsError(
    parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`).join("\n"),
  );
}

let parsedOnce: Env | undefined;

/**
 * The settings of this process, parsed once; instrumentation.ts calls this first at startup.
 * @throws SettingsError like parseEnv
 */
export function env(): Env {
  parsedOnce ??= parseEnv(process.env);
  return parsedOnce;
}
