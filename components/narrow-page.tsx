import type { ReactNode } from "react";
import { ShadowNote } from "./shadow-note";
import { SiteFooter } from "./site-footer";
import { PartnerMark } from "./ui/partner-mark";

/** A page without navigation, for someone who may have no other page here. */
export function NarrowPage({ appName, children }: { appName: string; children: ReactNode }) {
  return (
    <>
      <header className="border-b border-line">
        <p className="mx-auto flex h-14 max-w-[608px] items-center gap-2.5 px-4 text-[1.0625rem] font-semibold wide:h-[60px] wide:px-6">
          <PartnerMark />
          {appName}
        </p>
        <ShadowNote className="max-w-[608px]" />
      </header>
      <main className="mx-auto w-full max-w-[608px] flex-1 px-4 pt-8 wide:px-6 wide:pt-14">{children}</main>
      <SiteFooter appName={appName} className="max-w-[608px]" />
    </>
  );
}
