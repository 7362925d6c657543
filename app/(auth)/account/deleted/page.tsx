import type { Metadata } from "next";
import { PlainPage } from "@/components/auth/plain-page";
import { env } from "@/lib/env";

export const metadata: Metadata = { title: "Your account is being deleted" };

export default function AccountDeletedPage() {
  return (
    <PlainPage appName={env().APP_NAME} title="Your account is being deleted">
      <p className="mt-2 text-ink-2">
        You are signed out. SnapTrade was asked to delete your connections; once it has confirmed that, nothing of you is left here. There is nothing
        for you to do.
      </p>
    </PlainPage>
  );
}
