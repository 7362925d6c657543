import { finishOidc } from "@/lib/auth/oidc/sign-in";

/**
 * Only our own actions call next-auth. The company's identity provider answers here; no page links to
 * anything else, but an old e-mail or a bookmark may.
 */
export async function GET(request: Request) {
  const { pathname, searchParams } = new URL(request.url);
  const error = searchParams.get("error");
  const place =
    pathname === "/api/auth/callback/oidc"
      ? await finishOidc(searchParams)
      : pathname === "/api/auth/callback/email"
        ? `/sign-in?${searchParams.toString()}`
        : error
          ? `/?error=${encodeURIComponent(error)}`
          : "/";
  return new Response(null, { status: 303, headers: { Location: place, "Cache-Control": "no-store" } });
}
