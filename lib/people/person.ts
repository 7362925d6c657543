import "server-only";
import { z } from "zod";
import { externalIdShape } from "@/lib/base/external-id";
import { knownTimeZone } from "@/lib/base/time-zone";
import { plainAddress } from "@/lib/mail-address";

/** What the company may say about a person. A missing member changes nothing; null removes what was said. */
export interface PersonDetails {
  email?: string | null;
  locale?: string | null;
  timeZone?: string;
}

/** A person and the SnapTrade user that the company has registered for them. */
export interface AdoptablePerson extends PersonDetails {
  externalId: string;
  snapTradeUserId: string;
  userSecret: string;
}

/** Text that is sent in a query and must not be cut or changed on the way. */
const sentText = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\p{C}]+$/u);

const orNull = <T>(read: (text: string) => T | null) =>
  z.string().transform((text, context) => {
    const found = read(text);
    if (found !== null) return found;
    context.addIssue("unknown");
    return z.NEVER;
  });

const locale = orNull((text) => {
  try {
    return text.length <= 35 ? (Intl.getCanonicalLocales(text)[0] ?? null) : null;
  } catch {
    return null;
  }
});

/** How each member of a person is parsed, for whoever reads people from outside. */
export const personShapes = {
  externalId: externalIdShape,
  snapTradeUserId: sentText.max(255),
  userSecret: sentText,
  email: orNull(plainAddress).nullable().optional(),
  locale: locale.nullable().optional(),
  timeZone: orNull(knownTimeZone).optional(),
};
