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
  /** Grows when the person has finished something, so that the next reading may also re-arrange the page. */
  epoch: number;
  /** Reads the page again because the person has finished something on it. */
  reread: () => void;
  /** Reads the page again because it may be behind, unless somebody intercepts that. */
  catchUp: () => void;
  /**
   * Calls `changed` each time the page may be behind, instead of reading it again under its user; returns
   * what ends that.
   */
  intercept: (changed: () => void) => () => void;
}

const LiveContext = createContext<Live | null>(null);

/** What a part of the page needs to know of its liveliness; null on a page that has none. */
export const useLive = () => useContext(LiveContext);

const retryMs = 30_000;
const betweenAnnouncementsMs = 5_000;

interface Props {
  /** The version of what the page shows. */
  version: number;
  /** A sentence on the present state of each thing, to be said when it changes; by id. */
  sentences: Record<string, string>;
  children: ReactNode;
}

/**
 * Keeps the page as new as what the server tells: reads it again when it is behind, and says politely what
 * has changed.
 */
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
  useEffect(() => whileVisible(() => followServer((told) => told > shown.current && catchUp())), [catchUp]);

  const live = useMemo(
    (): Live => ({
      epoch,
      reread() {
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

/**
 * Nobody reads a hidden page; when it is shown again the first thing it hears is the version it has missed.
 */
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

/** The browser connects again by itself after a lost connection, but not after a refusal. */
function followServer(told: (version: number) => void): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;
  function connect() {
    source = new EventSource("/api/live");
    source.addEventListener("changed", ({ data }: MessageEvent<string>) => told(Number(data)));
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

/** What has changed since it was last said; at most one message in five seconds. */
function useAnnouncement(sentences: Record<string, string>): string {
  const [text, setText] = useState("");
  const said = useRef({ sentences, at: 0 });
  useEffect(() => {
    const news = Object.entries(sentences).flatMap(([id, sentence]) => {
      const before = said.current.sentences[id];
      return before !== undefined && before !== sentence ? sentence : [];
    });
    if (news.length === 0) return;
    const timer = setTimeout(
      () => {
        said.current = { sentences, at: Date.now() };
        setText(news.join(" "));
      },
      Math.max(0, said.current.at + betweenAnnouncementsMs - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [sentences]);
  return text;
}
