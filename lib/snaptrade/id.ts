import { z } from "zod";

/**
 * An id as SnapTrade sends it: a UUID in shape, whatever its version and variant digits say
 * (docs/snaptrade.md §3.3), in the lower case that the database stores.
 */
export const snapTradeId = z.guid().toLowerCase();
