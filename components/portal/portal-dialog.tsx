"use client";

import { useEffect, useRef, useState, useTransition } from "react";
import { keepBoth, skipEntry, requestNotifyWhenBack } from "@/lib/connections/actions";
import { isFinal } from "@/lib/connections/portal/outcome";
import type { OpenedPortal } from "@/lib/connections/views";
import type { Viewer } from "@/lib/base/times";
import { Button, ButtonLink, type ButtonVariant } from "../ui/button";
import { Icon } from "../ui/icon";
import { PortalFrame } from "./portal-frame";
import { PortalRail } from "./portal-rail";
import { PortalResult, type AllActions } from "./portal-result";
import { start, targetOf, type PortalTarget } from "./portal-target";
import { notifiedSentence } from "./portal-labels";
import { nextInQueue } from "./reconnect-queue";
import { SignedOut } from "./signed-out";
import { usePortalSession } from "./use-portal-session";

export interface PortalDialogProps {
  opened: OpenedPortal;
  /** `reported` resolves once the server knows the visit is over; `connected` means a new connection. */
  onClose: (reported: Promise<void>, connected: boolean) => void;
}

/** The Connection Portal in a dialog: the login to use, and next to it SnapTrade's page or the result. */
export function PortalDialog({ opened, onClose }: PortalDialogProps) {
  const {
    view,
    showsResult,
    receivedMessage,
    lastError,
    signedOut,
    opened: current,
    signal,
    begin,
  } = usePortalSession(opened);
  const [pending, startTransition] = useTransition();
  const [message, setMessage] = useState<string | null>(null);
  const [willBeNotified, setWillBeNotified] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const done = view.outcome.state === "fixed" || view.outcome.state === "connected";
  const next = nextInQueue(view.queue, view.connectionId);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  useEffect(() => {
    if (showsResult) document.getElementById("portal-result")?.focus();
  }, [showsResult, view.outcome.state]);

  /** However the dialog was closed, a visit without a result counts as abandoned. */
  function closed() {
    const reported =
      isFinal(view.outcome) || showsResult ? Promise.resolve() : signal({ status: "ABANDONED" });
    onClose(reported, view.outcome.state === "connected");
  }

  const close = () => dialog.current?.close();

  function open(target: PortalTarget | null, skip = false) {
    if (pending || !target) return;
    setMessage(null);
    setWillBeNotified(false);
    startTransition(async () => {
      if (skip && view.queue && view.connectionId)
        await skipEntry({ queueId: view.queue.id, connectionId: view.connectionId });
      const result = await start(target);
      if (result.ok) begin(result.data);
      else setMessage(result.message);
    });
  }

  function keep() {
    if (pending || !view.connectionId) return;
    const { connectionId } = view;
    startTransition(async () => {
      const kept = await keepBoth({ connectionId });
      if (kept.ok) close();
      else setMessage(kept.message);
    });
  }

  function requestNotice() {
    if (pending || !view.connectionId) return;
    const { connectionId } = view;
    startTransition(async () => {
      const asked = await requestNotifyWhenBack({ connectionId });
      setWillBeNotified(asked.ok);
      setMessage(asked.ok ? notifiedSentence(view.brokerage.name) : asked.message);
    });
  }

  const control = (action: AllActions, label: string, variant: ButtonVariant) => {
    const button = (onClick: () => void, text = label) => (
      <Button variant={variant} aria-disabled={pending || undefined} onClick={onClick}>
        {text}
      </Button>
    );
    switch (action) {
      case "different-login":
        return (
          <ButtonLink href={`/connections/new?brokerage=${view.brokerage.slug}`} variant={variant}>
            {label}
          </ButtonLink>
        );
      case "keep-both":
        return button(keep);
      case "notify-when-back":
        return willBeNotified ? button(close, "Close") : button(requestNotice);
      case "later":
      case "close":
        return button(close);
      case "next":
        return button(() => open(next?.target ?? null, !done), pending ? "Opening…" : label);
      case "again":
        return button(() => open(targetOf(view)), pending ? "Opening…" : label);
    }
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
          showsResult={showsResult}
          onSkip={next && !showsResult ? () => open(next.target, true) : null}
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
          {showsResult ? (
            <div className="flex flex-1 flex-col overflow-y-auto px-14 pt-[4.75rem] pb-8">
              {signedOut ? (
                <SignedOut />
              ) : (
                <PortalResult
                  view={view}
                  viewer={ownViewer()}
                  now={new Date()}
                  next={next?.name ?? null}
                  control={control}
                />
              )}
              <p role="status" className={message ? "mt-3 text-small" : "sr-only"}>
                {message}
              </p>
            </div>
          ) : (
            <PortalFrame
              key={current.loginLink}
              opened={current}
              receivedMessage={receivedMessage}
              lastError={lastError}
              error={message}
              onAgain={() => open(targetOf(view))}
            />
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
