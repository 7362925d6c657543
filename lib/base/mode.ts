import { env } from "./env";
import { AppError } from "./errors";

/**
 * Whether this process only watches (MODE=shadow): it receives webhooks, reads SnapTrade, and keeps records,
 * but contacts nobody and changes nothing at SnapTrade (docs/decisions/0023-shadow-mode.md).
 */
export const isShadow = (): boolean => env().MODE === "shadow";

/**
 * Refuses what isn't done in shadow mode. Called first, so that nothing has been changed.
 * @throws AppError shadow-mode
 */
export function refuseInShadow(): void {
  if (isShadow()) throw new AppError("shadow-mode");
}
