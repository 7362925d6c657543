import { fieldsOf } from "@/lib/action";
import { openInPage } from "@/lib/connections/portal-page";
import { htmlPage } from "@/lib/html-page";

/**
 * The Connection Portal as a page of its own, for every form that opens it. The answer is a page that leads on rather than a
 * redirect: the login link may redirect to the brokerage's own site, and `form-action` covers each redirect of a form.
 */
export async function POST(request: Request) {
  const opened = await openInPage(fieldsOf(await request.formData().catch(() => new FormData())));
  if ("problemAt" in opened) return new Response(null, { status: 303, headers: { Location: opened.problemAt, "Cache-Control": "no-store" } });
  const { status, headers, body } = htmlPage({
    status: 200,
    title: "Opening SnapTrade",
    words: `You sign in on SnapTrade’s or ${opened.brokerage}’s page, and then come back here.`,
    link: { href: opened.loginLink, label: "Continue to SnapTrade" },
    leadsOn: true,
  });
  return new Response(body, { status, headers });
}

/** Somebody who reloads, or comes back to, what only a form can open. */
export function GET() {
  return new Response(null, { status: 303, headers: { Location: "/connections" } });
}
