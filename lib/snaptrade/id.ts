import { z } from "zod";

/**
 * An id as SnapTrade sends it: a UUID in shape, whatever its version digits say (the example in SnapTrade's
 * own specification has none), in the lower case that the database stores.
 */
export const snapTradeId = z.guid().toLowerCase();
