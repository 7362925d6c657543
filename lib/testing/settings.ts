import { testSettings } from "./unique";

// What all code under test can rely on. Vitest's own MODE is "test".
Object.assign(process.env, testSettings, { MODE: "live" });
