"use client";

import { useRouter } from "next/navigation";
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from "react";

interface Live {
  /** Grows when the person finishes something, which lets the next refresh also regroup the page. */
  epoch: number;
  /** Refreshes the page because the person has finished something on it. */
  refresh: () => void;
  /** Refreshes the page because it may be out of date, unless that is intercepted. */
  catchUp: () => void;
  /**
   * Calls `changed` instead of refreshing each time the page may be out of date.
   * @returns a function that ends this
   */
  intercept: (changed: () => void) => () => void;
}

const LiveContext = createContext<Live | null>(null);

/** The page's live updates; null on a page without them. */
export const useLive = () => useContext(LiveContext);

const retryMs = 30_000;
const betweenAnnouncementsMs = 5_000;

interface Props {
  /** The version of what the page shows. */
  version: number;
  /** A sentence about the current state of each item, by id; announced when it changes. */
  sentences: Record<string, string>;
  children: ReactNode;
}

/** Refreshes the page when the server has a newer version, and politely announces what has changed. */
export function LiveUpdates({ version, sentences, children }: Props) {
  const router = useRouter();
  const [epoch, setEpoch] = useState(0);
  const interceptors = useRef(new Set<() => void>());
  const shown = useRef(version);

  useEffect(() => {
    shown.current = version;
  }, [version]);

  const catchUp = useCallback(() => {
    if (interceptors.current.size === 0) router.refresh();
    for (const changed of interceptors.current) changed();
  }, [router]);
  useEffect(
    () => whileVisible(() => followServer((latest) => latest > shown.current && catchUp())),
    [catchUp],
  );

  const live = useMemo(
    (): Live => ({
      epoch,
      refresh() {
        setEpoch((now) => now + 1);
        router.refresh();
      },
      catchUp,
      intercept(changed) {
        interceptors.current.add(changed);
        return () => interceptors.current.delete(changed);
      },
    }),
    [catchUp, epoch, router],
  );
  return (
    <LiveContext value={live}>
      {children}
      <p role="status" className="sr-only">
        {useAnnouncement(sentences)}
      </p>
    </LiveContext>
  );
}

/** Runs only while the page is visible. When it is shown again, the server sends the current version. */
function whileVisible(start: () => () => void): () => void {
  let stop: (() => void) | null = null;
  function follow() {
    const visible = document.visibilityState === "visible";
    if (visible) stop ??= start();
    else {
      stop?.();
      stop = null;
    }
  }
  follow();
  document.addEventListener("visibilitychange", follow);
  return () => {
    document.removeEventListener("visibilitychange", follow);
    stop?.();
  };
}

/** The browser reconnects by itself after a lost connection, but not after a refusal. */
function followServer(onVersion: (version: number) => void): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;
  function connect() {
    source = new EventSource("/api/live");
    source.addEventListener("changed", ({ data }: MessageEvent<string>) => onVersion(Number(data)));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, retryMs);
    });
  }
  connect();
  return () => {
    clearTimeout(again);
    source.close();
  };
}

/** What has changed since the last announcement; at most one every five seconds. */
function useAnnouncement(sentences: Record<string, string>): string {
  const [text, setText] = useState("");
  const announced = useRef({ sentences, at: 0 });
  useEffect(() => {
    const news = Object.entries(sentences).flatMap(([id, sentence]) => {
      const before = announced.current.sentences[id];
      return before !== undefined && before !== sentence ? sentence : [];
    });
    if (news.length === 0) return;
    const timer = setTimeout(
      () => {
        announced.current = { sentences, at: Date.now() };
        setText(news.join(" "));
      },
      Math.max(0, announced.current.at + betweenAnnouncementsMs - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [sentences]);
  return text;
}
