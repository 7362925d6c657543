import type { ReactNode } from "react";
import { SiteFooter } from "@/components/site-footer";
import { SiteHeader } from "@/components/site-header";
import { signOut } from "@/lib/auth/actions";
import { getUser } from "@/lib/auth/user";
import { env } from "@/lib/base/env";
import { countUnread } from "@/lib/notifications/data";

/** In seconds, for platforms that limit functions. An action may wait a minute for a login link. */
export const maxDuration = 90;

export default async function DashboardLayout({ children }: { children: ReactNode }) {
  const user = await getUser();
  // The page itself redirects to sign-in, because it knows where to return to.
  if (!user) return children;
  const { APP_NAME } = env();
  return (
    <>
      <SiteHeader
        appName={APP_NAME}
        email={user.email}
        unread={await countUnread(user.id)}
        signOut={signOut}
      />
      <main className="mx-auto w-full max-w-[968px] flex-1 px-4 pt-8 wide:px-6 wide:pt-14">{children}</main>
      <SiteFooter appName={APP_NAME} className="max-w-[968px]" />
    </>
  );
}
