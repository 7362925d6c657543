"use client";

import { useSyncExternalStore, type ReactNode } from "react";
import { PlainPage } from "./plain-page";

interface Props {
  /** What the browser said when it asked for the page. */
  isFramed: boolean;
  appName: string;
  /** The page that the person wanted. */
  place: string;
  children: ReactNode;
}

const never = () => () => undefined;

/** Shows its children or, in another site's frame, where nobody can sign in, how to continue outside it. */
export function OutsideFrame({ isFramed, appName, place, children }: Props) {
  const framed = useSyncExternalStore(
    never,
    () => window.self !== window.top,
    () => isFramed,
  );
  if (!framed) return children;
  return (
    <PlainPage appName={appName} title={`Open ${appName} in its own window`}>
      <p className="mt-2 text-ink-2">
        You aren’t signed in to {appName} here, and your browser may not let you sign in inside another page.
        In its own window, you can sign in and continue. This page stays as it is.
      </p>
      <a
        href={place}
        target="_blank"
        rel="noopener"
        className="mt-5 inline-flex min-h-11 w-full items-center justify-center rounded-button bg-fill px-4 font-semibold text-on-fill hover:bg-fill-hover"
      >
        Open {appName}
      </a>
    </PlainPage>
  );
}
