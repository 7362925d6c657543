import { z } from "zod";

export const sessionInput = z.object({ sessionId: z.uuid() });
