"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";

/** A place of the header; the one that the reader is in is underlined. */
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
