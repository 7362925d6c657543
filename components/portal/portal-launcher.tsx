"use client";

import { useRouter } from "next/navigation";
import { useState, useTransition, type ComponentType, type SyntheticEvent } from "react";
import type { OpenedPortal } from "@/lib/connections/views";
import { useLive } from "../live-updates";
import { Button, type ButtonVariant } from "../ui/button";
import type { PortalDialogProps } from "./portal-dialog";
import { PortalForm } from "./portal-form";
import { isInFrame, openOwnWindow, OwnWindowNote, type OwnWindow } from "./own-window";
import { placeOf, start, type PortalTarget } from "./portal-target";

interface Props {
  target: PortalTarget;
  /** The button's accessible name. */
  accessibleName: string;
  label: string;
  variant: ButtonVariant;
  /** Fills the width on small screens. */
  wide?: boolean;
}

const loadDialog = () => import("./portal-dialog");

/**
 * A button that opens the Connection Portal: in a dialog if there is room and a mouse, otherwise as a full
 * page. Without JavaScript it is a plain form that leads to that page.
 */
export function PortalLauncher({ target, accessibleName, label, variant, wide = false }: Props) {
  const router = useRouter();
  const live = useLive();
  const [pending, startTransition] = useTransition();
  const [error, setError] = useState<string | null>(null);
  const [outside, setOutside] = useState<OwnWindow | null>(null);
  const [opened, setOpened] = useState<{
    portal: OpenedPortal;
    Dialog: ComponentType<PortalDialogProps>;
  } | null>(null);

  function open(event: SyntheticEvent) {
    if (isInFrame()) {
      event.preventDefault();
      if (pending) return;
      const opening = openOwnWindow(placeOf(target));
      startTransition(async () => setOutside(await opening));
      return;
    }
    if (!hasRoomForDialog()) return;
    event.preventDefault();
    if (pending) return;
    setError(null);
    startTransition(async () => {
      const [result, { PortalDialog }] = await Promise.all([start(target), loadDialog()]);
      if (result.ok) setOpened({ portal: result.data, Dialog: PortalDialog });
      else setError(result.message);
    });
  }

  function closed(reported: Promise<void>, connected: boolean) {
    setOpened(null);
    if (connected) router.push("/connections");
    void reported.finally(() => (live ? live.refresh() : router.refresh()));
  }

  return (
    <>
      <PortalForm target={target} onSubmit={open} className={wide ? "w-full wide:w-auto" : ""}>
        <Button
          type="submit"
          variant={variant}
          aria-label={pending ? undefined : accessibleName}
          aria-disabled={pending || undefined}
          onPointerEnter={() => void loadDialog()}
          onFocus={() => void loadDialog()}
          className={wide ? "mt-2 w-full wide:mt-0 wide:w-auto" : ""}
        >
          {pending ? "Opening…" : label}
        </Button>
        <p role="status" className={error ? "mt-2 max-w-[40ch] text-small text-ink" : "sr-only"}>
          {error}
        </p>
        {outside && <OwnWindowNote outside={outside} />}
      </PortalForm>
      {opened && <opened.Dialog opened={opened.portal} onClose={closed} />}
    </>
  );
}

function hasRoomForDialog(): boolean {
  return window.matchMedia("(min-width: 900px) and (min-height: 620px) and (pointer: fine)").matches;
}
