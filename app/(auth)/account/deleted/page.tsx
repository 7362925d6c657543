import type { Metadata } from "next";
import { PlainPage } from "@/components/auth/plain-page";
import { env } from "@/lib/base/env";

export const metadata: Metadata = { title: "Your account is being deleted" };

export default async function AccountDeletedPage({ searchParams }: PageProps<"/account/deleted">) {
  const { connections } = await searchParams;
  if (connections === "kept")
    return (
      <PlainPage appName={env().APP_NAME} title="Your account is deleted">
        <p className="mt-2 text-ink-2">
          We’ve signed you out and deleted what we stored about you here. Your connections stay with the app
          or website where you made them.
        </p>
      </PlainPage>
    );
  return (
    <PlainPage appName={env().APP_NAME} title="Your account is being deleted">
      <p className="mt-2 text-ink-2">
        We’re asking SnapTrade to delete your connections, and we’ll keep asking until it confirms. Then we’ll
        delete everything we still have about you. You don’t need to do anything. Until that’s done, you can’t
        sign in. After that, you can sign up again with the same e-mail address.
      </p>
    </PlainPage>
  );
}
