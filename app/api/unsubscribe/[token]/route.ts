import { unsubscribe } from "@/lib/notifications/links";

/** One click in a mail program (RFC 8058): no sign-in, no question. */
export async function POST(_request: Request, { params }: RouteContext<"/api/unsubscribe/[token]">) {
  const done = await unsubscribe((await params).token);
  return done
    ? new Response("You get no more e-mails from us about your connections.\n")
    : new Response("Not one of our links\n", { status: 404 });
}

/** A link that is merely opened, by a person or a scanner, changes nothing; the page asks. */
export async function GET(request: Request, { params }: RouteContext<"/api/unsubscribe/[token]">) {
  const { token } = await params;
  return new Response(null, {
    status: 303,
    headers: { Location: `/unsubscribe/${encodeURIComponent(token)}`, "Cache-Control": "no-store" },
  });
}
