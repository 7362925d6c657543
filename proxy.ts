import { NextResponse, type NextRequest } from "next/server";
import { env } from "@/lib/base/env";
import { framing } from "@/lib/base/framing";

/** The host of the brokerages' logos (docs/snaptrade.md §3.8). */
const logoOrigin = "https://passiv-brokerage-logos.s3.ca-central-1.amazonaws.com";

/** Sets each page's content security policy, with a new nonce for the page's own scripts and styles. */
export function proxy(request: NextRequest) {
  const nonce = Buffer.from(crypto.randomUUID()).toString("base64");
  const portal = env().SNAPTRADE_PORTAL_ORIGINS.join(" ");
  const frames = framing();
  const development = process.env.NODE_ENV === "development";
  const policy = [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    // The development overlay adds styles without a nonce.
    `style-src 'self' ${development ? "'unsafe-inline'" : `'nonce-${nonce}'`}`,
    "style-src-attr 'unsafe-inline'",
    `img-src 'self' data: ${logoOrigin}`,
    `frame-src ${portal}`,
    "form-action 'self'",
    frames.directive,
    "base-uri 'none'",
    "object-src 'none'",
  ].join("; ");
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("content-security-policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);
  for (const [name, value] of Object.entries(frames.headers)) response.headers.set(name, value);
  return response;
}

export const config = {
  matcher: [
    {
      source:
        "/((?!api/|portal/open$|fix-sessions/[^/]+/leave$|sign-in/oidc$|_next/static|_next/image|fonts/|r/|icon.svg|favicon.ico).*)",
    },
  ],
};
