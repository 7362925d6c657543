import { z } from "zod";

/**
 * An id from SnapTrade: a UUID in format, with any version and variant digits (docs/snaptrade.md §3.3),
 * lowercased to match the database.
 */
export const snapTradeId = z.guid().toLowerCase();
