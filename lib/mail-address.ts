import "server-only";
import { domainToASCII } from "node:url";
import parseAddresses from "nodemailer/lib/addressparser";
import { z } from "zod";

/**
 * The address that the mail server will see in this text, or null if the text could be read as a list, a
 * name, or anything else. An internationalized domain is returned in the form that mail servers use.
 */
export function plainAddress(text: string): string | null {
  const at = text.lastIndexOf("@");
  const domain = text.slice(at + 1);
  // The steps below are lenient and drop anything that doesn't belong in a domain.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)) return null;
  const address = z
    .email()
    .max(254)
    .safeParse(`${text.slice(0, at)}@${domainToASCII(domain)}`.toLowerCase());
  if (!address.success) return null;
  const [only, ...others] = parseAddresses(address.data);
  return only && others.length === 0 && "address" in only && only.address === address.data && !only.name
    ? address.data
    : null;
}
