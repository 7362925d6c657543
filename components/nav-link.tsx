"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";

/** A link in the header, underlined on the page it leads to and those below it. */
export function NavLink({ href, children }: { href: string; children: ReactNode }) {
  const here = usePathname().startsWith(href);
  return (
    <Link
      href={href}
      prefetch={false}
      aria-current={here ? "page" : undefined}
      className={`flex h-full items-center border-b-2 ${here ? "border-ink font-semibold" : "border-transparent text-ink-2 hover:text-ink"}`}
    >
      {children}
    </Link>
  );
}
