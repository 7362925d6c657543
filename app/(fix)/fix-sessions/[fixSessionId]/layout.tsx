import type { ReactNode } from "react";
import { NarrowPage } from "@/components/narrow-page";
import { env } from "@/lib/base/env";

/** In seconds, for platforms that limit functions. An action may wait a minute for a login link. */
export const maxDuration = 90;

/** No navigation: a fix session may be all that its visitor can use. */
export default function FixLayout({ children }: { children: ReactNode }) {
  return <NarrowPage appName={env().APP_NAME}>{children}</NarrowPage>;
}
