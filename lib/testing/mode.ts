import { env } from "@/lib/base/env";

/** Lets this process go on in another mode, as a deployment does when MODE is changed. */
export function setMode(mode: "live" | "shadow"): void {
  env().MODE = mode;
}
