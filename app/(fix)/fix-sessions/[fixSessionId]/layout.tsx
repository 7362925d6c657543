import type { ReactNode } from "react";
import { ShadowNote } from "@/components/shadow-note";
import { SiteFooter } from "@/components/site-footer";
import { PartnerMark } from "@/components/ui/partner-mark";
import { env } from "@/lib/base/env";

/** In seconds, for platforms that limit functions. An action may wait a minute for a login link. */
export const maxDuration = 90;

/** No navigation: a fix session may be all that its visitor can use. */
export default function FixLayout({ children }: { children: ReactNode }) {
  const { APP_NAME } = env();
  return (
    <>
      <header className="border-b border-line">
        <p className="mx-auto flex h-14 max-w-[608px] items-center gap-2.5 px-4 text-[1.0625rem] font-semibold wide:h-[60px] wide:px-6">
          <PartnerMark />
          {APP_NAME}
        </p>
        <ShadowNote className="max-w-[608px]" />
      </header>
      <main className="mx-auto w-full max-w-[608px] flex-1 px-4 pt-8 wide:px-6 wide:pt-14">{children}</main>
      <SiteFooter appName={APP_NAME} />
    </>
  );
}
