import { env } from "./env";

/** Who may show our pages in a frame: a directive for the content security policy, and a header that agrees. */
export function framing(): { directive: string; headers: Record<string, string> } {
  const { EMBED_ORIGINS } = env();
  // The older header has no way to name other sites.
  if (EMBED_ORIGINS.length > 0)
    return { directive: `frame-ancestors ${EMBED_ORIGINS.join(" ")}`, headers: {} };
  return { directive: "frame-ancestors 'none'", headers: { "X-Frame-Options": "DENY" } };
}
