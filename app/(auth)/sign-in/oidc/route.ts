import { fieldsOf } from "@/lib/action";
import { oidcName } from "@/lib/auth/oidc/provider";
import { beginOidc } from "@/lib/auth/oidc/sign-in";
import { returnPath } from "@/lib/auth/sign-in-request";
import { env } from "@/lib/base/env";
import { htmlPage } from "@/lib/server/html-page";

/**
 * Goes on to the company's identity provider. Answers with a page that follows the link, not with a redirect,
 * because `form-action` applies to every redirect after a form post.
 */
export async function POST(request: Request) {
  if (!env().SIGN_IN.includes("oidc")) return seeOther("/");
  const { returnTo = "" } = fieldsOf(await request.formData().catch(() => new FormData()));
  const begun = await beginOidc(returnPath(returnTo));
  if ("place" in begun) return seeOther(begun.place);
  const { status, headers, body } = htmlPage({
    status: 200,
    title: `Opening ${oidcName()}`,
    text: "You’ll sign in there, then come back here.",
    link: { href: begun.provider, label: `Continue to ${oidcName()}` },
    followsLink: true,
  });
  return new Response(body, { status, headers });
}

/** For anyone who reloads or goes back to this address, which only a form can open. */
export const GET = () => seeOther("/");

function seeOther(location: string) {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
}
