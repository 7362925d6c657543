import { randomBytes } from "node:crypto";
import { docsPage } from "@/lib/api/docs-page";
import { operations } from "@/lib/api/operations";

/** A page for people about the API. */
export function GET() {
  const nonce = randomBytes(16).toString("base64");
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`;
  return new Response(docsPage(operations, nonce), {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Cache-Control": "no-store",
    },
  });
}
