import type { Figure } from "./figures";
import { benchReconcile } from "./reconcile";
import { benchWebhooks } from "./webhooks";

export const benches: Record<string, () => Promise<Figure[]>> = {
  webhooks: benchWebhooks,
  reconcile: benchReconcile,
};
