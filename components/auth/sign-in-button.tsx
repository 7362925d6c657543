"use client";

import { useEffect, useRef } from "react";
import { SubmitButton } from "../ui/submit-button";

interface Props {
  /** The server action that signs in. */
  action: (form: FormData) => Promise<void>;
  fields: Record<string, string>;
  label: string;
  /** Submits without a click once the page is displayed, not while it is prerendered. */
  autoSubmit: boolean;
}

export function SignInButton({ action, fields, label, autoSubmit }: Props) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!autoSubmit) return;
    const press = () => form.current?.requestSubmit();
    if (!("prerendering" in document && document.prerendering)) return press();
    document.addEventListener("prerenderingchange", press, { once: true });
    return () => document.removeEventListener("prerenderingchange", press);
  }, [autoSubmit]);
  return (
    <form ref={form} action={action} className="mt-5">
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <SubmitButton
        variant="filled"
        pendingLabel="Signing in…"
        className="!min-h-11 w-full py-2 [overflow-wrap:anywhere] !whitespace-normal"
      >
        {label}
      </SubmitButton>
    </form>
  );
}
