"use client";

import { useEffect, useRef, useState, useTransition } from "react";
import { keepSecond, skipEntry, startConnect, startReconnect } from "@/lib/connections/actions";
import type { OpenedPortal } from "@/lib/connections/views";
import type { Viewer } from "@/lib/times";
import { Button, ButtonLink } from "../ui/button";
import { Icon } from "../ui/icon";
import { PortalFrame } from "./portal-frame";
import { PortalRail } from "./portal-rail";
import { PortalResult, type AllActions } from "./portal-result";
import { nextInQueue } from "./reconnect-queue";
import { isFinal, usePortalTrip } from "./use-portal-trip";

export interface PortalDialogProps {
  opened: OpenedPortal;
  /** `told` is settled once the server knows that the trip was left. */
  onClose: (told: Promise<void>) => void;
}

/** The Connection Portal in a dialog: where to sign in on the left, SnapTrade's page on the right, and what came of it in its place. */
export function PortalDialog({ opened, onClose }: PortalDialogProps) {
  const { view, signalled, heard, opened: current, signal, begin } = usePortalTrip(opened);
  const [pending, startTransition] = useTransition();
  const [problem, setProblem] = useState<string | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const done = view.outcome.state === "fixed" || view.outcome.state === "connected";
  const next = nextInQueue(view.queue, view.connectionId);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  useEffect(() => {
    if (signalled) document.getElementById("portal-result")?.focus();
  }, [signalled, view.outcome.state]);

  /** However the dialog was closed: a trip without a word so far was left. */
  function closed() {
    onClose(isFinal(view) || signalled ? Promise.resolve() : signal({ status: "ABANDONED" }));
  }

  const close = () => dialog.current?.close();

  function open(connectionId: string | null, skip = false) {
    if (pending) return;
    setProblem(null);
    startTransition(async () => {
      if (skip && view.queue && view.connectionId) await skipEntry({ queueId: view.queue.id, connectionId: view.connectionId });
      const result = connectionId
        ? await startReconnect({
            connectionId,
            queueId: view.queue?.id,
            wish: connectionId === view.connectionId ? (view.wish ?? undefined) : undefined,
          })
        : await startConnect({ brokerage: view.brokerage?.slug ?? "", beside: "yes" });
      if (result.ok) begin(result.data);
      else setProblem(result.message);
    });
  }

  function keep() {
    if (pending || !view.connectionId) return;
    const { connectionId } = view;
    startTransition(async () => {
      const kept = await keepSecond({ connectionId });
      if (kept.ok) close();
      else setProblem(kept.message);
    });
  }

  const action = (does: AllActions, words: string, look: "filled" | "secondary" | "quiet" | "danger") => {
    if (does === "different-login")
      return (
        <ButtonLink href={`/connections/new?brokerage=${view.brokerage?.slug ?? ""}`} look={look}>
          {words}
        </ButtonLink>
      );
    if (does === "keep-both")
      return (
        <Button look={look} aria-disabled={pending || undefined} onClick={keep}>
          {words}
        </Button>
      );
    if (does === "later" || does === "close")
      return (
        <Button look={look} onClick={close}>
          {words}
        </Button>
      );
    const target = does === "next" ? (next?.connectionId ?? null) : view.intent === "reconnect" ? view.connectionId : null;
    return (
      <Button look={look} aria-disabled={pending || undefined} onClick={() => open(target, does === "next" && !done)}>
        {pending ? "Opening …" : words}
      </Button>
    );
  };

  return (
    <dialog
      ref={dialog}
      onClose={closed}
      aria-labelledby="portal-title"
      className="portal-dialog m-auto h-[min(712px,calc(100dvh-48px))] w-[min(944px,calc(100dvw-48px))] overflow-hidden rounded-dialog bg-surface p-0 text-ink shadow-dialog"
    >
      <div className="grid h-full grid-cols-[320px_1fr]">
        <PortalRail
          view={view}
          appName={current.appName}
          done={done}
          signalled={signalled}
          onSkip={next && !signalled ? () => open(next.connectionId, true) : null}
        />
        <div className="relative flex min-h-0 flex-col border-l border-line">
          <button
            type="button"
            onClick={close}
            aria-label="Close"
            className="absolute top-2 right-3 z-10 inline-flex size-9 items-center justify-center rounded-button hover:bg-sunken"
          >
            <Icon name="x" size={20} />
          </button>
          {signalled ? (
            <div className="flex flex-1 flex-col overflow-y-auto px-14 pt-[4.75rem] pb-8">
              <PortalResult view={view} viewer={ownViewer()} now={new Date()} next={next?.brokerage.name ?? null} action={action} />
              <p role="status" className={problem ? "mt-3 text-small" : "sr-only"}>
                {problem}
              </p>
            </div>
          ) : (
            <PortalFrame key={current.loginLink} opened={current} heard={heard} />
          )}
        </div>
      </div>
    </dialog>
  );
}

function ownViewer(): Viewer {
  const { locale, timeZone } = new Intl.DateTimeFormat(undefined).resolvedOptions();
  return { locale: locale.startsWith("en") ? locale : "en-GB", timeZone, zoneKnown: true };
}
