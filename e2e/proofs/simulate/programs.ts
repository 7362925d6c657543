import type * as App from "./process/app-entry";
import type { Program } from "./process/bundle";
import type * as Emulator from "./process/emulator-entry";
import type { Owner } from "./scheduler";

export type AppExports = typeof App;
export type EmulatorExports = typeof Emulator;

export interface Programs {
  app: Program<AppExports>;
  emulator: Program<EmulatorExports>;
}

/** One running process of the app. */
export interface AppProcess {
  owner: Owner;
  clockAheadMs: number;
  app: AppExports;
}
