import type { Figure } from "./figures";
import { benchWebhooks } from "./webhooks";

export const benches: Record<string, () => Promise<Figure[]>> = { webhooks: benchWebhooks };
