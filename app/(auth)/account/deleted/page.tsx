import type { Metadata } from "next";
import { PartnerMark } from "@/components/ui/partner-mark";
import { env } from "@/lib/env";

export const metadata: Metadata = { title: "Your account is being deleted" };

export default function AccountDeletedPage() {
  const { APP_NAME } = env();
  return (
    <main className="flex flex-1 items-center justify-center px-4 py-16">
      <div className="w-full max-w-[370px]">
        <p className="flex items-center gap-3 text-[1.25rem] font-semibold">
          <PartnerMark size={36} />
          {APP_NAME}
        </p>
        <h1 className="mt-9 text-title">Your account is being deleted</h1>
        <p className="mt-2 text-ink-2">
          You are signed out. SnapTrade was asked to delete your connections; once it has confirmed that, nothing of you is left here. There is
          nothing for you to do.
        </p>
      </div>
    </main>
  );
}
