import type { ReactNode } from "react";
import { PartnerMark } from "../ui/partner-mark";

/** A page for someone who isn't signed in: the partner's mark and name, and one thing to read or do. */
export function PlainPage({
  appName,
  title,
  children,
}: {
  /** Null where it isn't known. */
  appName: string | null;
  title: string;
  children: ReactNode;
}) {
  return (
    <main className="flex flex-1 items-center justify-center px-4 py-16">
      <div className="w-full max-w-[370px]">
        <p className="flex items-center gap-3 text-[1.25rem] font-semibold">
          <PartnerMark size={36} />
          {appName}
        </p>
        <h1 className="mt-9 text-title">{title}</h1>
        {children}
      </div>
    </main>
  );
}
