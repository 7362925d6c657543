import type { Metadata } from "next";
import { NarrowPage } from "@/components/narrow-page";
import { getUser } from "@/lib/auth/user";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "How this works" };

export default async function HowThisWorksPage() {
  const { APP_NAME } = env();
  const parts = [
    {
      title: "What a connection is",
      text: `A connection lets ${APP_NAME} read the accounts under one brokerage login. SnapTrade manages it for us. ${APP_NAME} never asks for or stores your brokerage password.`,
    },
    {
      title: "Why connections stop working",
      text: "A brokerage may end a sign-in after a few weeks, or when you change your password. It doesn’t say why. Until you sign in again, you’ll see data from the last day the connection worked.",
    },
    {
      title: "How reconnecting works",
      text: "You sign in with the same login as before, on SnapTrade’s or your brokerage’s page. The connection then picks up where it left off, with its accounts and history. If you connected the brokerage again instead, you’d end up with a second connection next to the stopped one.",
    },
    {
      title: "When a connection counts as working again",
      text: "Only once SnapTrade confirms it after you sign in. That’s why a page may say “Checking” for a few seconds.",
    },
  ];
  const article = (
    <article className="max-w-[62ch]">
      <h1 className="text-[1.75rem] leading-[2.125rem] font-[560] tracking-[-0.024em] wide:text-display">
        How this works
      </h1>
      {parts.map(({ title, text }) => (
        <section key={title} className="mt-8">
          <h2 className="text-head">{title}</h2>
          <p className="mt-1.5 text-ink-2">{text}</p>
        </section>
      ))}
    </article>
  );
  // The layout frames only what someone signed in sees, and everyone may read this.
  return (await getUser()) ? article : <NarrowPage appName={APP_NAME}>{article}</NarrowPage>;
}
