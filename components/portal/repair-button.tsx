import type { ComponentProps } from "react";
import { isShadow } from "@/lib/base/mode";
import { PortalLauncher } from "./portal-launcher";

/** Opens the Connection Portal; nothing at all where repairs are off. */
export function RepairButton(props: ComponentProps<typeof PortalLauncher>) {
  return isShadow() ? null : <PortalLauncher {...props} />;
}
