import { unsubscribe } from "@/lib/notifications/links";

/** One-click unsubscribe from a mail program (RFC 8058): no sign-in, no confirmation. */
export async function POST(_request: Request, { params }: RouteContext<"/api/unsubscribe/[token]">) {
  const done = await unsubscribe((await params).token);
  return done
    ? new Response("You won't get any more e-mails about your connections.\n")
    : new Response("This link isn't one of ours.\n", { status: 404 });
}

/** Opening the link changes nothing, because a scanner may have opened it; the page asks first. */
export async function GET(request: Request, { params }: RouteContext<"/api/unsubscribe/[token]">) {
  const { token } = await params;
  return new Response(null, {
    status: 303,
    headers: { Location: `/unsubscribe/${encodeURIComponent(token)}`, "Cache-Control": "no-store" },
  });
}
