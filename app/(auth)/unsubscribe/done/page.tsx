import type { Metadata } from "next";
import { PlainPage } from "@/components/auth/plain-page";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "Unsubscribed" };

export default function UnsubscribedPage() {
  const { APP_NAME } = env();
  return (
    <PlainPage appName={APP_NAME} title="You’re unsubscribed">
      <p className="mt-2 text-ink-2">
        You won’t get any more e-mails about your connections. To turn them back on, sign in to {APP_NAME} and
        choose Notifications.
      </p>
    </PlainPage>
  );
}
