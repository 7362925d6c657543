import type { Metadata } from "next";
import Link from "next/link";
import { PartnerMark } from "@/components/ui/partner-mark";
import { env } from "@/lib/env";

export const metadata: Metadata = { title: "Check your e-mail" };

export default function CheckMailPage() {
  const { APP_NAME } = env();
  return (
    <main className="flex flex-1 items-center justify-center px-4 py-16">
      <div className="w-full max-w-[370px]">
        <p className="flex items-center gap-3 text-[1.25rem] font-semibold">
          <PartnerMark size={36} />
          {APP_NAME}
        </p>
        <h1 className="mt-9 text-title">Check your e-mail</h1>
        <p className="mt-2 text-ink-2">If we can send mail to that address, a link is on its way. It works once and for 15 minutes.</p>
        <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
          Nothing there after a minute? Look among the unwanted mail, or{" "}
          <Link href="/" prefetch={false} className="text-accent underline underline-offset-4">
            ask for another link
          </Link>
          .
        </p>
      </div>
    </main>
  );
}
