import { getUserOf } from "@/lib/auth/user";
import { env } from "@/lib/base/env";
import { giveUp } from "@/lib/fix-sessions/visits/page";
import { htmlPage } from "@/lib/server/html-page";
import { snapTradeId } from "@/lib/snaptrade/id";

interface Context {
  params: Promise<{ fixSessionId: string }>;
}

/**
 * Gives a fix session up and goes back to the company's product. Answers with a page that follows the address,
 * not with a redirect: `form-action` would refuse one that leads to another site or into an app.
 */
export async function POST(_: Request, { params }: Context) {
  const id = snapTradeId.safeParse((await params).fixSessionId);
  const user = id.success ? await getUserOf(id.data) : null;
  const back = user && id.success ? await giveUp(user.id, id.data, new Date()) : null;
  if (!back) return seeOther(id.success ? `/fix-sessions/${id.data}` : "/");
  const { APP_NAME } = env();
  const { status, headers, body } = htmlPage({
    status: 200,
    title: `Going back to ${APP_NAME}`,
    text: "If it doesn’t open on its own, use the button.",
    link: { href: back, label: `Back to ${APP_NAME}` },
    followsLink: true,
  });
  return new Response(body, { status, headers });
}

/** For anyone who reloads or goes back to this address, which only a form can open. */
export async function GET(_: Request, { params }: Context) {
  const id = snapTradeId.safeParse((await params).fixSessionId);
  return seeOther(id.success ? `/fix-sessions/${id.data}` : "/");
}

function seeOther(location: string) {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
}
