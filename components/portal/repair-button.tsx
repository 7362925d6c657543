import type { ComponentProps } from "react";
import { isShadow } from "@/lib/base/mode";
import { PortalLauncher } from "./portal-launcher";

/** A button that opens the Connection Portal. Draws nothing where repairs are off. */
export function RepairButton(props: ComponentProps<typeof PortalLauncher>) {
  return isShadow() ? null : <PortalLauncher {...props} />;
}
