import type { Metadata } from "next";
import { PlainPage } from "@/components/auth/plain-page";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "No more e-mails" };

export default function UnsubscribedPage() {
  const { APP_NAME } = env();
  return (
    <PlainPage appName={APP_NAME} title="You get no more e-mails">
      <p className="mt-2 text-ink-2">To have them again, sign in to {APP_NAME} and choose Notifications.</p>
    </PlainPage>
  );
}
