import { get } from "node:http";
import type { Visitor } from "../../support/visitor";

/** An open page without a browser: it hears of changes and reads them. */
export interface OpenPage {
  /** Resolves with the time at which the page heard of a new version. */
  nextChange: () => Promise<number>;
  close: () => void;
}

/** Follows a person's changes, like an open page. Resolves once it has heard the current version. */
export async function openPage(visitor: Visitor): Promise<OpenPage> {
  let newest = -1;
  let heard: ((at: number) => void) | undefined;
  const nextChange = () => new Promise<number>((resolve) => (heard = resolve));
  const first = nextChange();
  const request = get(
    `${visitor.appUrl}/api/live`,
    { headers: { Cookie: visitor.cookieHeader() }, agent: false },
    (answer) => {
      answer.setEncoding("utf8").on("data", (text: string) => {
        const version = Number(/^data: (\d+)$/m.exec(text)?.[1] ?? -1);
        if (version <= newest) return;
        newest = version;
        heard?.(performance.now());
      });
    },
  );
  await first;
  return { nextChange, close: () => request.destroy() };
}
