import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: ["./lib/db/schema.ts", "./lib/db/former-schema.ts", "./lib/db/notice-schema.ts", "./lib/db/work-schema.ts"],
  out: "./drizzle",
  casing: "snake_case",
});
