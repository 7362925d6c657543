/** Only our own actions call next-auth. No page links here, but an old e-mail or a bookmark may. */
export function GET(request: Request) {
  const { pathname, searchParams } = new URL(request.url);
  const link = pathname === "/api/auth/callback/email";
  const error = searchParams.get("error");
  const place = link
    ? `/sign-in?${searchParams.toString()}`
    : error
      ? `/?error=${encodeURIComponent(error)}`
      : "/";
  return new Response(null, { status: 303, headers: { Location: place, "Cache-Control": "no-store" } });
}
