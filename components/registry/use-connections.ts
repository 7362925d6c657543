"use client";

import { useCallback, useEffect, useRef, useState } from "react";

export interface Connection {
  id: string;
  brokerage: string;
}

/**
 * The signed-in person's connections that they can repair now, from your route. Asks again when they come
 * back to the page. `open` starts the repair: it leaves for Reconnect, or opens a window inside a frame.
 */
export function useConnections(route = "/api/reconnect") {
  const [connections, setConnections] = useState<Connection[]>([]);
  const [loading, setLoading] = useState<"loading" | "ready" | "failed">("loading");
  const [opening, setOpening] = useState<"no" | "opening" | "failed">("no");
  const [question, setQuestion] = useState(0);
  const isOpening = useRef(false);

  useEffect(() => {
    let isCurrent = true;
    ask<{ connections: Connection[] }>(route).then(
      (answer) => {
        if (!isCurrent) return;
        setConnections(answer.connections);
        setLoading("ready");
      },
      () => isCurrent && setLoading("failed"),
    );
    return () => {
      isCurrent = false;
    };
  }, [route, question]);

  const finish = useCallback((result: "no" | "failed") => {
    isOpening.current = false;
    setOpening(result);
    setQuestion((last) => last + 1);
  }, []);

  useEffect(() => {
    const look = () => document.visibilityState === "visible" && setQuestion((last) => last + 1);
    // The browser may show the page again as it was when it left for Reconnect.
    const comeBack = ({ persisted }: PageTransitionEvent) => persisted && finish("no");
    document.addEventListener("visibilitychange", look);
    window.addEventListener("pageshow", comeBack);
    return () => {
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("pageshow", comeBack);
    };
  }, [finish]);

  const open = useCallback(async () => {
    if (isOpening.current) return;
    isOpening.current = true;
    setOpening("opening");
    // Inside a frame, Reconnect may be without cookies. Only the click itself may open a window.
    const framed = window.self !== window.top;
    const page = framed ? window.open("", "_blank") : window;
    try {
      const body = JSON.stringify({ return_url: window.location.origin + window.location.pathname });
      const headers = { "Content-Type": "application/json" };
      const { url } = await ask<{ url: string }>(route, { method: "POST", headers, body });
      if (!page) throw new Error("The browser blocked the window");
      page.location.assign(url);
      if (framed) finish("no");
    } catch {
      if (framed) page?.close();
      finish("failed");
    }
  }, [route, finish]);

  return { connections, loading, opening, open };
}

async function ask<T>(route: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(route, { ...init, signal: AbortSignal.timeout(15_000) });
  if (!answer.ok) throw new Error(`${route} answered ${answer.status}`);
  return (await answer.json()) as T;
}
