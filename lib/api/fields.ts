import { z } from "zod";
import { externalIdShape } from "@/lib/base/external-id";

/** With its offset, a moment may lie in a year that RFC 3339 can't write and the database can't read. */
const [firstMs, endMs] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];
const isWritable = (text: string) => !(Date.parse(text) < firstMs || Date.parse(text) > endMs);
const text = z.iso.datetime({ offset: true }).refine(isWritable, "Must be in the years 1 to 9999");

/** A moment: a Date here, RFC 3339 with its offset outside. */
export const time = z.codec(text, z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/** A person, as the company names them. */
export const externalId = externalIdShape.meta({ description: "Your own id of the person" });
