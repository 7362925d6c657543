import type { Metadata } from "next";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "How this works" };

export default function HowThisWorksPage() {
  const { APP_NAME } = env();
  const parts = [
    {
      title: "What a connection is",
      text: `A connection lets ${APP_NAME} read what is in your accounts at one brokerage login. SnapTrade keeps it for us. Your brokerage password is never typed into or stored by ${APP_NAME}.`,
    },
    {
      title: "Why it stops now and then",
      text: "Brokerages let a sign-in run out after some weeks, or when you change your password. We aren’t told which it was. Until you sign in again you see the data of the last day it worked.",
    },
    {
      title: "What reconnecting does",
      text: "You sign in with the same login as before, on SnapTrade’s or your brokerage’s page. The same connection then carries on, with its accounts and history. Connecting the brokerage anew would make a second connection beside the stopped one.",
    },
    {
      title: "When it counts as connected again",
      text: "Only when SnapTrade itself has told us so after your sign-in. That is why a page may say “Checking” for a few seconds.",
    },
  ];
  return (
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
}
