import type { Metadata } from "next";
import Link from "next/link";
import { PlainPage } from "@/components/auth/plain-page";
import { linkMinutes } from "@/lib/auth/sign-in-email";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "Check your e-mail" };

export default function CheckMailPage() {
  return (
    <PlainPage appName={env().APP_NAME} title="Check your e-mail">
      <p className="mt-2 text-ink-2">
        If we can send mail to that address, a link is on its way. Each link works once and expires after
        {` ${linkMinutes} minutes`}; a new one doesn’t cancel earlier ones.
      </p>
      <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
        No e-mail after a minute? Check your spam folder, or{" "}
        <Link href="/" prefetch={false} className="text-accent underline underline-offset-4">
          request another link
        </Link>
        .
      </p>
    </PlainPage>
  );
}
