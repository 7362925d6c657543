import { Hono } from "hono";
import { html } from "hono/html";
import { isoTime } from "../world/clock";
import type { Mailbox } from "../mailbox/mailbox";
import { type Html, toolPage } from "../server/pages";
import type { Connection, User, World } from "../world/model";
import { post } from "./buttons";
import { webhookSection } from "./webhook-section";

/** Every button is a control API call, so the page can't do anything a test can't. */
const script = `
addEventListener("click", async (event) => {
  const button = event.target.closest("[data-post]");
  if (!button) return;
  const choice = button.parentElement.querySelector("select");
  const body = choice ? { [choice.name]: choice.value } : JSON.parse(button.dataset.body || "{}");
  const answer = await fetch(button.dataset.post, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (answer.ok) location.reload(); else alert((await answer.json()).error);
});
`;

const shownRows = 25;
const shownUsers = 50;

export function createControlPage(world: World, mailbox: Mailbox): Hono {
  const page = new Hono();
  page.get("/control", (c) => {
    world.applyDue();
    const users = [...world.users.values()].reverse();
    const content = html`<h1>SnapTrade emulator</h1>
      <p class="soft">
        Client id <code>${world.partner.clientId}</code> · clock ${isoTime(world.now())} ·
        <a href="/mailbox">${mailbox.list().length} e-mails</a> · all of this is also available through the
        <a href="/control/api/state">control API</a>
      </p>
      <p>
        ${post("/control/api/clock/advance", "Clock + 1 hour", { seconds: 3600 })}
        ${post("/control/api/clock/advance", "Clock + 1 day", { seconds: 86_400 })}
        ${post("/control/api/reset", "Clear everything")}
      </p>
      ${users.length === 0 ? html`<section><p>No users are registered yet.</p></section>` : ""}
      ${users.slice(0, shownUsers).map((user) => userSection(world, user))}
      ${users.length > shownUsers ? html`<p class="soft">${users.length - shownUsers} older users are not shown.</p>` : ""}
      ${webhookSection(world)} ${brokerageSection(world)} ${faultSection(world)} ${requestSection(world)}
      <section>
        <h2>Settings</h2>
        <pre>${JSON.stringify(world.settings, null, 2)}</pre>
      </section>`;
    return c.html(toolPage("SnapTrade emulator", content, script));
  });
  return page;
}

function userSection(world: World, user: User): Html {
  const base = `/control/api/users/${encodeURIComponent(user.userId)}`;
  const events = (world.events.get(user.userId) ?? []).slice(-shownRows).reverse();
  return html`<section>
    <h2>${user.userId}</h2>
    <p class="soft">
      Clock ${isoTime(world.now(user))} ${post(`${base}/advance`, "+ 1 hour", { seconds: 3600 })}
      ${post(`${base}/advance`, "+ 1 day", { seconds: 86_400 })}
      ${post(`${base}/events`, "Send an unknown event", { eventType: "SOMETHING_NEW" })}
    </p>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Connection</th>
            <th>Type</th>
            <th>State</th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          ${user.connections.map((connection) => connectionRow(world, base, connection))}
        </tbody>
      </table>
    </div>
    <p>
      <select name="brokerage" aria-label="Brokerage">
        ${world.listBrokerages(user).map(({ slug, displayName }) => html`<option value="${slug}">${displayName}</option>`)}
      </select>
      <button type="button" data-post="${base}/connections">Add a connection</button>
    </p>
    <details>
      <summary>Events (${events.length} newest)</summary>
      ${events.map((event) => html`<pre>${JSON.stringify(event)}</pre>`)}
    </details>
  </section>`;
}

function connectionRow(world: World, base: string, connection: Connection): Html {
  const path = `${base}/connections/${connection.id}`;
  return html`<tr>
    <td>
      ${world.brokerage(connection.slug)?.displayName ?? connection.slug}<br /><code>${connection.id}</code>
    </td>
    <td>${connection.type}${connection.shared ? ", shared" : ""}</td>
    <td>${stateOf(connection)}</td>
    <td>
      ${connection.disabled ? post(`${path}/fix`, "Fix") : post(`${path}/break`, "Break")}
      ${post(`${path}/delete`, "Delete")}
      ${post(`${path}/shared`, connection.shared ? "Unshare" : "Share", { shared: !connection.shared })}
    </td>
  </tr>`;
}

function stateOf({ deleteAt, disabled, disabledAt }: Connection): string {
  if (deleteAt !== null) return "queued for deletion";
  if (!disabled) return "enabled";
  return disabledAt === null ? "disabled" : `disabled since ${isoTime(disabledAt).slice(0, 19)}`;
}

function brokerageSection(world: World): Html {
  const flags = ["enabled", "maintenance_mode", "is_degraded"] as const;
  return html`<section>
    <h2>Brokerages</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Name</th>
            <th>Sign-in</th>
            <th>Click to toggle</th>
          </tr>
        </thead>
        <tbody>
          ${world.listBrokerages().map(
            (brokerage) =>
              html`<tr>
                <td>${brokerage.displayName} <code>${brokerage.slug}</code></td>
                <td>${brokerage.signIn}</td>
                <td>
                  ${flags.map((flag) =>
                    post(`/control/api/brokerages/${brokerage.slug}`, `${flag}: ${brokerage[flag]}`, {
                      [flag]: !brokerage[flag],
                    }),
                  )}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function faultSection(world: World): Html {
  if (world.faults.length === 0) return html``;
  return html`<section>
    <h2>Faults</h2>
    ${world.faults.map((fault) => html`<pre>${JSON.stringify(fault)}</pre>`)}
  </section>`;
}

function requestSection(world: World): Html {
  const requests = world.requests.slice(-shownRows).reverse();
  return html`<section>
    <h2>Requests</h2>
    <div class="scroll">
      <table>
        ${requests.map(
          ({ method, path, status, at }) =>
            html`<tr>
              <td>${at.slice(11, 19)}</td>
              <td>${method}</td>
              <td>${path}</td>
              <td>${status ?? "…"}</td>
            </tr>`,
        )}
      </table>
    </div>
  </section>`;
}
