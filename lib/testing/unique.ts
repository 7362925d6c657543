/** The settings for code under test; none of these secrets is used anywhere else. */
export const testSettings = {
  SNAPTRADE_CLIENT_ID: "ACMETEST",
  SNAPTRADE_CONSUMER_KEY: "TEST-CONSUMER-KEY-0001",
  NEXTAUTH_SECRET: "for-tests-only-not-a-secret",
  CRON_SECRET: "for-tests-only-not-a-secret",
  ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 7).toString("base64")}`,
  SMTP_URL: "smtp://localhost:25",
  EMAIL_FROM: "Reconnect <connections@example.com>",
  LOG_LEVEL: "silent",
};
