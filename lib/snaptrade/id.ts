import { z } from "zod";

/**
 * An id as SnapTrade sends it: a UUID by its shape, whatever its version digits say (its own specification's example has none),
 * in the lower case in which the database keeps it.
 */
export const snapTradeId = z.guid().toLowerCase();
