import { z } from "zod";

/** A moment: a Date here, RFC 3339 with its offset outside. */
export const time = z.codec(z.iso.datetime({ offset: true }), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/**
 * The company's own id of a person. As part of an address it may not look like a step up (`..`), which clients
 * and proxies would follow.
 */
export const externalId = z
  .string()
  .regex(/^(?!(.*[/\\])?\.{1,2}([/\\].*)?$)\P{C}{1,255}$/u, "must be 1 to 255 printable characters")
  .meta({ description: "Your own id of the person" });
