import { Hono } from "hono";
import { html } from "hono/html";
import type { Mailbox } from "./mailbox";
import { toolPage } from "../server/pages";

export function createMailboxPages(mailbox: Mailbox): Hono {
  const pages = new Hono();

  pages.get("/mailbox", (c) => {
    const to = c.req.query("to");
    const rows = mailbox.list(to).map(
      (mail) =>
        html`<tr>
          <td><a href="/mailbox/${mail.id}">${mail.subject || "(no subject)"}</a></td>
          <td>${mail.to}</td>
          <td>${mail.receivedAt}</td>
        </tr>`,
    );
    const list = html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Subject</th>
            <th>To</th>
            <th>Received</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>`;
    const content = html`<h1>Mailbox</h1>
      <p class="soft">Every e-mail sent to the emulator, newest first.</p>
      <section>${rows.length === 0 ? html`<p>No e-mail yet.</p>` : list}</section>`;
    return c.html(toolPage("Mailbox", content));
  });

  pages.get("/mailbox/:id", (c) => {
    const mail = mailbox.find(c.req.param("id"));
    if (!mail) return c.html(toolPage("E-mail not found", html`<h1>E-mail not found</h1>`), 404);
    const content = html`<h1>${mail.subject || "(no subject)"}</h1>
      <p class="soft">From ${mail.from} to ${mail.to}, ${mail.receivedAt}</p>
      ${
        mail.links.length === 0
          ? ""
          : html`<section>
              <h2>Links</h2>
              <ul>
                ${mail.links.map((link) => html`<li><a href="${link}">${link}</a></li>`)}
              </ul>
            </section>`
      }
      ${
        mail.html === null
          ? ""
          : html`<section>
              <h2>HTML</h2>
              <iframe
                title="HTML version"
                sandbox="allow-top-navigation-by-user-activation allow-popups"
                srcdoc="${`<base target="_top">${mail.html}`}"
              ></iframe>
            </section>`
      }
      <section>
        <h2>Text</h2>
        <pre>${mail.text}</pre>
      </section>`;
    return c.html(toolPage(mail.subject || "Mail", content));
  });

  return pages;
}
