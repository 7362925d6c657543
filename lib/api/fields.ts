import { z } from "zod";
import { externalIdShape } from "@/lib/base/external-id";

/** A moment: a Date here, RFC 3339 with its offset outside. */
export const time = z.codec(z.iso.datetime({ offset: true }), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/** A person, as the company names them. */
export const externalId = externalIdShape.meta({ description: "Your own id of the person" });
