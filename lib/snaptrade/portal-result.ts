/**
 * The result reported by the Connection Portal's return URL (docs/snaptrade.md §4.12). Anyone can type that
 * URL, so it only chooses wording and never decides an outcome.
 */
export type PortalResult =
  | { status: "SUCCESS" }
  | { status: "ERROR"; code: string | null }
  | { status: "ABANDONED" }
  | { status: "UNKNOWN" };

/**
 * Error codes and sign-in results as SnapTrade spells them; anything else is dropped, so that no arbitrary
 * text is stored.
 */
const codePattern = /^([0-9]{4}|[A-Z][A-Z_]{2,31})$/;

/**
 * Parses the query of a return URL in every form that occurs: without a status (docs/snaptrade.md §4.13),
 * joined with a second `?` (§8.10), repeated, or in a different case (§8.26).
 * @param search the raw query, with or without the leading `?`
 */
export function readPortalResult(search: string): PortalResult {
  // Next treats a second `?` as part of the preceding value and encodes it; decoding once recovers it.
  const decoded = [...new URLSearchParams(search.replace(/^\?/, ""))]
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const query = new URLSearchParams(decoded.replaceAll("?", "&"));
  switch (query.get("status")?.toUpperCase()) {
    case "SUCCESS":
      return { status: "SUCCESS" };
    case "ERROR": {
      const code = query.get("error_code") ?? "";
      return { status: "ERROR", code: codePattern.test(code) ? code : null };
    }
    case "ABANDONED":
      return { status: "ABANDONED" };
    default:
      return { status: "UNKNOWN" };
  }
}
