"use client";

import { useRouter } from "next/navigation";
import { useState, useTransition, type ComponentType, type SyntheticEvent } from "react";
import { connectInPage, reconnectAllInPage, reconnectInPage, startConnect, startReconnect, startReconnectAll } from "@/lib/connections/actions";
import type { OpenedPortal, PortalWish } from "@/lib/connections/views";
import { useLive } from "../live-updates";
import { Button, type ButtonLook } from "../ui/button";
import type { PortalDialogProps } from "./portal-dialog";

export type PortalTarget =
  | { kind: "reconnect"; connectionId: string; queueId?: string; wish?: PortalWish }
  | { kind: "queue" }
  | { kind: "connect"; brokerage: string; beside?: boolean };

interface Props {
  target: PortalTarget;
  /** The button's accessible name. */
  label: string;
  words: string;
  look: ButtonLook;
  /** Fills the width on small screens. */
  wide?: boolean;
}

const loadDialog = () => import("./portal-dialog");

/**
 * A button that opens the Connection Portal: in a dialog where there is room and a mouse, else as a page of its own.
 * Without JavaScript it is a plain form that leads to that page.
 */
export function PortalLauncher({ target, label, words, look, wide = false }: Props) {
  const router = useRouter();
  const live = useLive();
  const [pending, startTransition] = useTransition();
  const [problem, setProblem] = useState<string | null>(null);
  const [opened, setOpened] = useState<{ portal: OpenedPortal; Dialog: ComponentType<PortalDialogProps> } | null>(null);

  function open(event: SyntheticEvent) {
    if (!hasRoomForDialog()) return;
    event.preventDefault();
    if (pending) return;
    setProblem(null);
    startTransition(async () => {
      const [result, { PortalDialog }] = await Promise.all([start(target), loadDialog()]);
      if (result.ok) setOpened({ portal: result.data, Dialog: PortalDialog });
      else setProblem(result.message);
    });
  }

  function closed(told: Promise<void>) {
    setOpened(null);
    void told.finally(() => (live ? live.reread() : router.refresh()));
  }

  return (
    <>
      <form action={pageAction(target)} onSubmit={open} className={wide ? "w-full wide:w-auto" : ""}>
        {Object.entries(fieldsOf(target)).map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <Button
          type="submit"
          look={look}
          aria-label={pending ? undefined : label}
          aria-disabled={pending || undefined}
          onPointerEnter={() => void loadDialog()}
          onFocus={() => void loadDialog()}
          className={wide ? "mt-2 w-full wide:mt-0 wide:w-auto" : ""}
        >
          {pending ? "Opening …" : words}
        </Button>
        <p role="status" className={problem ? "mt-2 max-w-[40ch] text-small text-ink" : "sr-only"}>
          {problem}
        </p>
      </form>
      {opened && <opened.Dialog opened={opened.portal} onClose={closed} />}
    </>
  );
}

function start(target: PortalTarget) {
  switch (target.kind) {
    case "reconnect":
      return startReconnect({ connectionId: target.connectionId, queueId: target.queueId, wish: target.wish });
    case "queue":
      return startReconnectAll({});
    case "connect":
      return startConnect({ brokerage: target.brokerage, beside: target.beside ? "yes" : undefined });
  }
}

function pageAction({ kind }: PortalTarget) {
  if (kind === "queue") return reconnectAllInPage;
  return kind === "connect" ? connectInPage : reconnectInPage;
}

function fieldsOf(target: PortalTarget): Record<string, string> {
  if (target.kind === "queue") return {};
  if (target.kind === "connect") return { brokerage: target.brokerage, ...(target.beside ? { beside: "yes" } : {}) };
  const { connectionId, queueId, wish } = target;
  return { connectionId, ...(queueId ? { queueId } : {}), ...(wish ? { wish } : {}) };
}

function hasRoomForDialog(): boolean {
  return window.matchMedia("(min-width: 900px) and (min-height: 620px) and (pointer: fine)").matches;
}
