import "server-only";

/** Log fields whose values are always secret or personal. */
export const secretNames = [
  "authorization",
  "Authorization",
  "cookie",
  "Cookie",
  "set-cookie",
  "Signature",
  "signature",
  "password",
  "secret",
  "token",
  "userSecret",
  "sealedSecret",
  "webhookSecret",
  "consumerKey",
  "loginLink",
  "redirectURI",
  "email",
  "url",
];

/** Settings whose values must never leave the process, in whatever field or text they appear. */
const secretSettings = [
  "SNAPTRADE_CONSUMER_KEY",
  "SNAPTRADE_PREVIOUS_CONSUMER_KEY",
  "NEXTAUTH_SECRET",
  "CRON_SECRET",
  "ENCRYPTION_KEYS",
  "SMTP_URL",
  "DATABASE_URL",
  "OIDC_CLIENT_SECRET",
  "OTEL_EXPORTER_OTLP_HEADERS",
];
/** A shorter value might be part of an ordinary word. */
const minSecretLength = 8;

const patterns: [RegExp, string][] = [
  // Login links and links in e-mails carry their secret in the query or after one of these paths.
  [/\?[\w.%[\]-]+=[^\s"'\\]*/g, "?[redacted]"],
  [/\/(fix|unsubscribe)\/[\w.%-]+/g, "/$1/[redacted]"],
  [/:\/\/[^/\s"'@\\]+@/g, "://[redacted]@"],
  // API keys (lib/api/keys.ts), and the signing secrets of endpoints (lib/events/sign.ts).
  [/reconnect_[\w-]{43}/g, "[redacted]"],
  [/whsec_[\w+/=-]+/g, "[redacted]"],
  // 24 or 32 random bytes: a token without its address. A proxy's request id may look the same.
  [/(?<!"requestId":")(?<![\w-])(?:[\w-]{32}|[\w-]{43}|[\da-f]{64})(?![\w-])/g, "[redacted]"],
  [/\b(Bearer|Basic) +[\w.~+/=-]+/gi, "$1 [redacted]"],
  [/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, "[redacted]"],
];

/**
 * Removes secrets and e-mail addresses from a finished log line: known values and anything that looks like
 * one.
 */
export function redact(line: string): string {
  let clean = line;
  for (const secret of knownSecrets()) clean = clean.replaceAll(secret, "[redacted]");
  for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
  return clean;
}

let known: string[] | undefined;

/** The secret settings; for those with several parts, also each part that is a secret by itself. */
function knownSecrets(): string[] {
  known ??= secretSettings
    .flatMap((name) => {
      const value = process.env[name] ?? "";
      const password = /:\/\/[^/@]*?:([^@/]*)@/.exec(value)?.[1] ?? "";
      // "id:key,id:key" and "name=value,name=value".
      const parts = value.includes("://") ? [] : value.split(",");
      const secrets = parts.map((part) => part.slice(part.search(/[:=]/) + 1).trim());
      return [value, password, ...secrets].flatMap((secret) => [secret, decoded(secret)]);
    })
    .filter((value) => value.length >= minSecretLength && !value.startsWith("pglite:"))
    .map((value) => JSON.stringify(value).slice(1, -1));
  return known;
}

/** As it reads after percent-decoding, which is what a driver's own messages may hold. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
