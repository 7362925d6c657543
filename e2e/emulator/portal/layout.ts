import { html, raw } from "hono/html";
import { portalScript } from "./script";
import { portalStyle } from "./style";

export type Html = ReturnType<typeof html>;

/**
 * How the page is displayed. The script detects it and puts it in the query; without a script it is a plain
 * page.
 */
export interface View {
  framed: boolean;
  opener: boolean;
  popup: boolean;
}

export interface Frame {
  title: string;
  view: View;
  dark: boolean;
  /** Target of the close button, or null for none. */
  leave: string | null;
  /** Posted to the surrounding window when the page appears. */
  messages?: unknown[];
  /** Where the page goes after it has posted its message. */
  goTo?: string;
}

export function portalPage(frame: Frame, content: Html): Html {
  const facts = { view: frame.view, messages: frame.messages ?? [], goTo: frame.goTo ?? null };
  return html`<!doctype html>
    <html lang="en" data-theme="${frame.dark ? "dark" : "light"}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${frame.title}</title>
        <style>
          ${raw(portalStyle)}
        </style>
        <script type="application/json" id="facts">
          ${scriptSafe(facts)}
        </script>
        <script>
          ${raw(portalScript)};
        </script>
      </head>
      <body>
        <main>
          <header><span>SnapTrade</span>${closeButton(frame)}</header>
          ${content}
        </main>
        <footer>Local emulator. Nothing leaves this machine.</footer>
      </body>
    </html>`;
}

function closeButton({ view, leave }: Frame): Html | "" {
  if (leave === null || view.popup) return "";
  if (view.framed)
    return html`<button type="button" class="close" data-say="CLOSE_MODAL" aria-label="Close">×</button>`;
  return html`<a class="close" href="${leave}" aria-label="Close">×</a>`;
}

function scriptSafe(value: unknown): Html {
  return raw(JSON.stringify(value).replaceAll("<", "\\u003c"));
}
