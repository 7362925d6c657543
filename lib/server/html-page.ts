import "server-only";
import { randomBytes } from "node:crypto";
import { brandCss } from "@/lib/base/brand";
import { env } from "@/lib/base/env";
import { escapeHtml } from "@/lib/base/escape-html";
import { framing } from "@/lib/base/framing";

interface Page {
  status: number;
  title: string;
  text: string;
  link: { href: string; label: string };
  /** Follows the link immediately, without a click. */
  followsLink?: boolean;
  /** When the page reloads itself; also sent as Retry-After. */
  retryAfterSeconds?: number;
}

const layout = `*{box-sizing:border-box}body{margin:0;min-height:100dvh;display:flex;align-items:center;justify-content:center;background:var(--canvas);
color:var(--ink);font:400 .9375rem/1.4375rem ui-sans-serif,system-ui,sans-serif}main{width:100%;max-width:402px;padding:64px 16px}
.app{display:flex;align-items:center;gap:12px;margin:0;color:var(--ink);font-size:1.25rem;font-weight:600}.mark{display:inline-flex;width:36px;height:36px;
align-items:center;justify-content:center;border-radius:10px;background:var(--fill);color:var(--on-fill)}h1{margin:36px 0 8px;font-size:1.5rem;
line-height:1.875rem;letter-spacing:-.018em;font-weight:580;text-wrap:balance}p{margin:0;color:var(--ink-2);text-wrap:pretty}a{display:inline-flex;
min-height:44px;margin-top:24px;padding:0 16px;align-items:center;border-radius:8px;background:var(--fill);color:var(--on-fill);font-weight:600;
text-decoration:none}a:hover{background:var(--fill-hover)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px}`;

const mark = `<svg width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round">
<path d="M6.5 17.5 10 14M14 10l3.5-3.5M10.5 13.5l3-3"/><circle cx="5" cy="19" r="3" fill="currentColor" stroke="none"/>
<circle cx="19" cy="5" r="3" fill="currentColor" stroke="none"/></svg>`;

/**
 * A self-contained page, for places where Next can't render one. It is never cached and sends no referrer.
 */
export function htmlPage({ status, title, text, link, followsLink = false, retryAfterSeconds }: Page): {
  status: number;
  headers: Record<string, string>;
  body: string;
} {
  const { APP_NAME, BRAND_COLOR } = env();
  const nonce = randomBytes(16).toString("base64");
  const href = escapeHtml(link.href);
  const refresh = followsLink
    ? `<meta http-equiv="refresh" content="0;url=${href}">`
    : retryAfterSeconds
      ? `<meta http-equiv="refresh" content="${retryAfterSeconds}">`
      : "";
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">${refresh}
<title>${escapeHtml(title)} · ${escapeHtml(APP_NAME)}</title><style nonce="${nonce}">${brandCss(BRAND_COLOR)}${layout}</style></head>
<body><main><p class="app"><span class="mark" aria-hidden="true">${mark}</span>${escapeHtml(APP_NAME)}</p>
<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p><a href="${href}" rel="noreferrer">${escapeHtml(link.label)}</a></main></body></html>`;
  const headers = headersOf(nonce);
  if (retryAfterSeconds) headers["Retry-After"] = String(retryAfterSeconds);
  return { status, headers, body };
}

/** Set here as well, because this page is sent from places that Next's own headers don't reach. */
function headersOf(nonce: string): Record<string, string> {
  const { directive, headers } = framing();
  return {
    ...headers,
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'none'; ${directive}; base-uri 'none'`,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  };
}
