import type { Metadata } from "next";
import Link from "next/link";
import { PlainPage } from "@/components/auth/plain-page";
import { env } from "@/lib/env";

export const metadata: Metadata = { title: "Check your e-mail" };

export default function CheckMailPage() {
  return (
    <PlainPage appName={env().APP_NAME} title="Check your e-mail">
      <p className="mt-2 text-ink-2">
        If we can send mail to that address, a link is on its way. It works once and for 15 minutes, as does each one before it.
      </p>
      <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
        Nothing there after a minute? Look among the unwanted mail, or{" "}
        <Link href="/" prefetch={false} className="text-accent underline underline-offset-4">
          ask for another link
        </Link>
        .
      </p>
    </PlainPage>
  );
}
