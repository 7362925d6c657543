import { z } from "zod";

/** Unknown members are ignored, as SnapTrade does. */
export const loginBody = z.object({
  broker: z.string().optional(),
  immediateRedirect: z.boolean().optional(),
  customRedirect: z.string().refine(isRedirectTarget, "customRedirect is not a URL.").optional(),
  reconnect: z.string().optional(),
  connectionType: z.enum(["read", "trade", "trade-if-available"]).optional(),
  showCloseButton: z.boolean().optional(),
  darkMode: z.boolean().optional(),
  locale: z
    .string()
    .regex(/^(en([-_].*)?|pt([-_]br)?)$/i, "This locale is not supported.")
    .optional(),
  connectionPortalVersion: z.string().optional(),
});

export type LoginBody = z.infer<typeof loginBody>;

/** Deep links to mobile apps are fine; anything that would run as a script in the portal is not. */
function isRedirectTarget(target: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(target) && !/^(javascript|data|vbscript|blob):/i.test(target);
}
