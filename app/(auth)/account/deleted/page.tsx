import type { Metadata } from "next";
import { PlainPage } from "@/components/auth/plain-page";
import { env } from "@/lib/env";

export const metadata: Metadata = { title: "Your account is being deleted" };

export default function AccountDeletedPage() {
  return (
    <PlainPage appName={env().APP_NAME} title="Your account is being deleted">
      <p className="mt-2 text-ink-2">
        You can’t sign in until that is done. We ask SnapTrade to delete your connections, as often as it takes; once it has confirmed that, nothing
        about you is left here. There is nothing for you to do. After that you can sign up again with the same e-mail address.
      </p>
    </PlainPage>
  );
}
