import type { ReportedResult } from "@/lib/connections/views";

/** What a message from the portal asks for: a look, because it reports a result, or an end to the visit. */
type PortalSignal = { kind: "result"; reportedResult: ReportedResult } | { kind: "close" };

/**
 * Reads a message in every form the portal is known to send: objects, and the older strings with a colon
 * (docs/snaptrade.md §4.8, §4.9). Anything else is null. A message is only a hint: it makes us look, and
 * chooses which text is shown.
 */
export function readPortalMessage(data: unknown): PortalSignal | null {
  if (typeof data === "string") return fromText(data);
  if (typeof data !== "object" || data === null || !("status" in data)) return null;
  if (data.status === "SUCCESS") return { kind: "result", reportedResult: { status: "SUCCESS" } };
  if (data.status !== "ERROR") return null;
  const code =
    "errorCode" in data && (typeof data.errorCode === "string" || typeof data.errorCode === "number")
      ? String(data.errorCode)
      : null;
  return {
    kind: "result",
    reportedResult: { status: "ERROR", code: code === null ? null : code.padStart(4, "0") },
  };
}

function fromText(text: string): PortalSignal | null {
  const [word] = text.split(":");
  switch (word) {
    case "SUCCESS":
      return { kind: "result", reportedResult: { status: "SUCCESS" } };
    case "ERROR":
      // What follows is the HTTP status, which explains nothing.
      return { kind: "result", reportedResult: { status: "ERROR", code: null } };
    case "CLOSED":
    case "ABANDONED":
      return { kind: "result", reportedResult: { status: "ABANDONED" } };
    case "CLOSE_MODAL":
      return { kind: "close" };
    default:
      return null;
  }
}
