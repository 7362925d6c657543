"use client";

import type { ComponentProps } from "react";
import { useFormStatus } from "react-dom";
import { Button } from "./button";

/** A form's button that says what is under way, and takes no second press meanwhile. */
export function SubmitButton({
  pendingLabel,
  children,
  ...rest
}: ComponentProps<typeof Button> & { pendingLabel: string }) {
  const { pending } = useFormStatus();
  return (
    <Button
      type="submit"
      {...rest}
      aria-disabled={pending || undefined}
      onClick={(event) => pending && event.preventDefault()}
    >
      <span aria-live="polite">{pending ? pendingLabel : children}</span>
    </Button>
  );
}
