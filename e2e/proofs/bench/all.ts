import { benchApi } from "./api";
import { benchBreaks } from "./breaks";
import type { Figure } from "./figures";
import { benchReconcile } from "./reconcile";
import { benchScale } from "./scale";
import { benchWebhooks } from "./webhooks";

export const benches: Record<string, (options?: string[]) => Promise<Figure[]>> = {
  webhooks: async () => [...(await benchWebhooks()), ...(await benchBreaks())],
  api: benchApi,
  reconcile: benchReconcile,
  scale: benchScale,
};
