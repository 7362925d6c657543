import type { Figure } from "./figures";
import { benchReconcile } from "./reconcile";
import { benchScale } from "./scale";
import { benchWebhooks } from "./webhooks";

export const benches: Record<string, (options?: string[]) => Promise<Figure[]>> = {
  webhooks: benchWebhooks,
  reconcile: benchReconcile,
  scale: benchScale,
};
