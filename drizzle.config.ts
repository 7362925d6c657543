import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: ["auth", "former", "incident", "notice", "work"].map((part) => `./lib/db/${part}-schema.ts`).concat("./lib/db/schema.ts"),
  out: "./drizzle",
  casing: "snake_case",
});
