import "server-only";
import { brandCss } from "@/lib/base/brand";
import { env } from "@/lib/base/env";
import { escapeHtml } from "@/lib/base/escape-html";
import { problems, type ProblemCode } from "@/lib/server/problem";
import { describeApi, problemsOf } from "./openapi";
import type { Operation } from "./operation";

const layout = `*{box-sizing:border-box}body{margin:0;background:var(--canvas);color:var(--ink);font:400 .9375rem/1.4375rem ui-sans-serif,system-ui,sans-serif}
main{max-width:760px;margin:0 auto;padding:48px 16px 96px}h1{font-size:1.75rem;line-height:2.25rem;letter-spacing:-.02em;font-weight:580;margin:0 0 8px}
h2{font-size:1.25rem;line-height:1.75rem;font-weight:580;margin:48px 0 8px}h3{font-size:.9375rem;font-weight:600;margin:24px 0 4px}p{margin:8px 0;color:var(--ink-2);text-wrap:pretty}
section{padding:20px 0;border-top:1px solid var(--line)}code,pre{font:.8125rem/1.25rem ui-monospace,monospace}pre{margin:8px 0;padding:12px;overflow-x:auto;background:var(--surface);border:1px solid var(--line);border-radius:8px}
dl{margin:8px 0}dt{font-weight:600}dd{margin:0 0 8px;color:var(--ink-2)}a{color:var(--accent)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px}:target{background:var(--surface)}`;

const explanations: Partial<Record<ProblemCode, string>> = {
  conflict: "The sentence in `detail` says why.",
  "invalid-request": "`errors` says what and where, or `detail` what.",
  "no-key": "Send Authorization: Bearer with a key from npm run api-keys.",
  "missing-scope": "Make a key that has the scope in `detail`.",
  "not-found": "It never existed, it was deleted, or the address is wrong.",
  "still-running": "Try again after the time in Retry-After.",
  "answer-lost":
    "ENCRYPTION_KEYS no longer has the key that sealed the stored answer. Read what you need with GET.",
  "too-many-requests": "Try again after the time in Retry-After. A refused request doesn’t count.",
  unavailable:
    "SnapTrade or our database is unreachable or busy. Nothing was lost; try again after the time in Retry-After.",
  unexpected: "We’ve logged it. A request with an Idempotency-Key is safe to repeat.",
};

/**
 * A page for people about `/api/v1`: every operation and every problem, made from what the API itself uses.
 * @param nonce of the page's own style
 */
export function docsPage(operations: Operation[], nonce: string): string {
  const { APP_NAME, BRAND_COLOR } = env();
  const { components } = describeApi(operations) as { components: { schemas: Record<string, unknown> } };
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></section>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>API · ${escapeHtml(APP_NAME)}</title><style nonce="${nonce}">${brandCss(BRAND_COLOR)}${layout}</style></head><body><main>
<h1>${escapeHtml(APP_NAME)} API</h1><p>For your own servers. The exact description is <a href="/api/v1/openapi.json">openapi.json</a>.</p>
<h2>Operations</h2>${operations.map(operationSection).join("")}
<h2>Problems</h2><p>Every failure is a problem as RFC 9457 describes it, and its type leads here.</p><dl>${problemList()}</dl>
<h2>Schemas</h2>${schemas.join("")}</main></body></html>`;
}

function operationSection(operation: Operation): string {
  const { name, method, path, summary, description, scope, answers } = operation;
  const links = problemsOf(operation).map((code) => `<a href="#${code}">${code}</a>`);
  return `<section id="${escapeHtml(name)}"><h3><code>${method} /api/v1${escapeHtml(path)}</code></h3>
<p>${escapeHtml([`${summary}.`, description].filter(Boolean).join(" "))}</p>
<p>Scope <code>${scope}</code> · answers ${Object.keys(answers).join(", ")} · problems ${links.join(", ")}</p></section>`;
}

function problemList(): string {
  return Object.entries(problems)
    .map(([code, { status, title }]) => {
      const more = explanations[code as ProblemCode] ?? "";
      return `<dt id="${code}"><code>${status} ${code}</code></dt><dd>${escapeHtml(`${title}. ${more}`)}</dd>`;
    })
    .join("");
}
