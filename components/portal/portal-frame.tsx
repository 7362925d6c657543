"use client";

import { useEffect, useState } from "react";
import type { PortalFailure } from "@/lib/connections/views";
import type { OpenedPortal } from "@/lib/connections/views";
import { NewPageForm } from "./new-page-form";
import { endsPortal, failureText, purposeOf, type FailureText } from "./portal-labels";

const loadTimeoutMs = 15_000;
const windowHintMs = 20_000;

interface Props {
  opened: OpenedPortal;
  receivedMessage: boolean;
  lastError: PortalFailure | null;
  /** Why the portal couldn't be opened again. */
  error: string | null;
  /** Opens the portal again. */
  onAgain: () => void;
}

/** SnapTrade's own page. We can't see into it; it only posts messages (docs/snaptrade.md §4.7, §4.8). */
export function PortalFrame({ opened, receivedMessage, lastError, error, onAgain }: Props) {
  const { view, loginLink } = opened;
  const [loaded, setLoaded] = useState(false);
  const [hint, setHint] = useState<"none" | "not-loading" | "window">("none");
  const b = view.brokerage.name;

  useEffect(() => {
    const timer = setTimeout(() => setHint((now) => (loaded ? now : "not-loading")), loadTimeoutMs);
    return () => clearTimeout(timer);
  }, [loaded]);

  useEffect(() => {
    if (!view.signInOpensPopup || receivedMessage) return;
    const timer = setTimeout(() => setHint("window"), windowHintMs);
    return () => clearTimeout(timer);
  }, [view.signInOpensPopup, receivedMessage]);

  return (
    <>
      <p className="flex h-[52px] shrink-0 items-center gap-2 border-b border-line pr-14 pl-6 text-small">
        <span className="font-semibold">SnapTrade’s page</span>
        <span className="truncate text-ink-3">{new URL(loginLink).host}</span>
      </p>
      <div className="relative min-h-0 flex-1">
        {!loaded && (
          <p className="absolute inset-0 flex items-center justify-center text-ink-3" role="status">
            Opening SnapTrade’s page…
          </p>
        )}
        <iframe
          title={`SnapTrade sign-in for ${b}`}
          src={loginLink}
          referrerPolicy="no-referrer"
          allow="clipboard-read; clipboard-write"
          onLoad={() => setLoaded(true)}
          className="relative size-full border-0"
        />
      </div>
      {error && (
        <p role="status" className="border-t border-line px-6 py-3 text-small">
          {error}
        </p>
      )}
      {lastError && (
        <Refusal
          text={failureText(lastError, b, purposeOf(view), view.canMail)}
          onAgain={endsPortal(lastError) ? onAgain : null}
        />
      )}
      {hint !== "none" && !lastError && (
        <div
          role="status"
          className="flex flex-wrap items-center gap-x-2 border-t border-line px-6 py-3 text-small text-ink-2"
        >
          {hint === "window"
            ? `Did ${b}’s sign-in open in another window? If not, your browser may have blocked it.`
            : "SnapTrade’s page didn’t open here."}
          <NewPageForm view={view} />
        </div>
      )}
    </>
  );
}

/** The portal's latest error, in a line below it. */
function Refusal({ text, onAgain }: { text: FailureText; onAgain: (() => void) | null }) {
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-2 border-t border-line px-6 py-3 text-small text-ink-2"
    >
      <p>
        <strong className="font-semibold text-ink">{text.title}.</strong>
        {!onAgain && " You can try again on SnapTrade’s page."}
      </p>
      {onAgain && (
        <button
          type="button"
          onClick={onAgain}
          className="min-h-6 text-accent underline decoration-line-strong underline-offset-4"
        >
          {text.primary[1]}
        </button>
      )}
    </div>
  );
}
