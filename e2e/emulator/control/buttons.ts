import { html } from "hono/html";
import type { Html } from "../server/pages";

/** A button that makes one control API call. */
export function post(path: string, label: string, body: object = {}): Html {
  return html`<button type="button" data-post="${path}" data-body="${JSON.stringify(body)}">
    ${label}
  </button>`;
}
