import { html } from "hono/html";
import type { Html } from "../server/pages";
import type { Attempt, Delivery, World } from "../world/model";
import { post } from "./buttons";

const shownRows = 40;

/** The settings that one click changes, each with the values offered. */
const switches: [name: string, values: (string | number)[]][] = [
  ["webhooks", ["send", "hold", "off"]],
  ["webhookCopies", [1, 3]],
  ["webhookDelayMs", [0, 5000]],
  ["webhookLossPercent", [0, 50, 100]],
  ["webhookSignature", ["right", "wrong", "other-key", "missing"]],
  ["webhookBody", ["compact", "spaced", "reordered", "unescaped"]],
  ["webhookRetrySpeed", [1, 60, 3600]],
  ["webhookRetryTimestamp", ["kept", "renewed"]],
];

/** Where webhooks go, how they are sent, and what became of each. */
export function webhookSection(world: World): Html {
  const { deliveries, settings } = world;
  const newest = deliveries.all().slice(-shownRows).reverse();
  return html`<section>
    <h2>Webhooks</h2>
    <p class="soft">
      ${deliveries.url ? html`Sent to <code>${deliveries.url}</code>` : "No listener is set; nothing is sent."}
    </p>
    <table>
      ${switches.map(
        ([name, values]) =>
          html`<tr>
            <td><code>${name}</code></td>
            <td>
              ${values.map((value) =>
                String(Reflect.get(settings, name)) === String(value)
                  ? html`<strong>${value}</strong> `
                  : post("/control/api/settings", String(value), { [name]: value }),
              )}
            </td>
          </tr>`,
      )}
    </table>
    <p>
      Held:
      ${(["oldest", "newest", "random"] as const).map((order) => post("/control/api/deliveries/release", `Release, ${order} first`, { order }))}
    </p>
    ${newest.map(deliveryRow)}
  </section>`;
}

function deliveryRow({ id, event, state, attempts }: Delivery): Html {
  const answers = attempts.map(({ status, error }) => status ?? error).join(", ");
  return html`<details>
    <summary>
      ${event.eventTimestamp.slice(11, 19)} ${event.eventType} · ${state}${answers ? ` · ${answers}` : ""}
      ${post(`/control/api/deliveries/${id}/send`, attempts.length > 0 ? "Send again" : "Send now")}
    </summary>
    ${attempts.length === 0 ? html`<pre>${JSON.stringify(event)}</pre>` : attempts.map(attemptBlock)}
  </details>`;
}

function attemptBlock({ at, body, signature, status, error, ms }: Attempt): Html {
  return html`<pre>
${at}
Signature: ${signature ?? "(none)"}
${body}
→ ${status ?? error} after ${ms} ms</pre>`;
}
