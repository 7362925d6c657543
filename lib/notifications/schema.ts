import { z } from "zod";

const clockTime = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

export const mailSettingsInput = z.object({
  preference: z.enum(["all", "first", "none"]),
  quietFrom: clockTime,
  quietTo: clockTime,
});
/** The time of the newest notice on the page. */
export const markReadInput = z.object({ shownAt: z.iso.datetime().transform((text) => new Date(text)) });
