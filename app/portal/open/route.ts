import { fieldsOf } from "@/lib/action";
import { openInPage } from "@/lib/connections/forms";
import { htmlPage } from "@/lib/server/html-page";

/** In seconds, for platforms that limit functions. SnapTrade may take a minute to make a login link. */
export const maxDuration = 90;

/**
 * Opens the Connection Portal as a full page. Answers with a page that follows the login link, not with a
 * redirect: `form-action` applies to every redirect after a form post, and the link may redirect to the
 * brokerage's own site (docs/snaptrade.md §8.25).
 */
export async function POST(request: Request) {
  const opened = await openInPage(fieldsOf(await request.formData().catch(() => new FormData())));
  if ("errorPage" in opened)
    return new Response(null, {
      status: 303,
      headers: { Location: opened.errorPage, "Cache-Control": "no-store" },
    });
  const { status, headers, body } = htmlPage({
    status: 200,
    title: "Opening SnapTrade",
    text: `You’ll sign in on SnapTrade’s or ${opened.brokerage}’s page, then come back here.`,
    link: { href: opened.loginLink, label: "Continue to SnapTrade" },
    followsLink: true,
  });
  return new Response(body, { status, headers });
}

/** For anyone who reloads or goes back to this address, which only a form can open. */
export function GET() {
  return new Response(null, { status: 303, headers: { Location: "/connections" } });
}
