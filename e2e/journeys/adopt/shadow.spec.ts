import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { startBeside, type Beside } from "../../support/beside";
import type { Customer } from "../../support/company";
import { exampleSettings } from "../../support/ground.mjs";
import { broken, expect, row, test } from "../../support/test";

test.describe.configure({ mode: "serial" });

const email = "maya@larch.example";

let beside: Beside;
let customer: Customer;
let receiver: Server;
/** The types of the events that the company has received, oldest first. */
const received: string[] = [];

test.beforeAll(async () => {
  test.setTimeout(180_000);
  beside = await startBeside({ EVENTS_ALLOW_PRIVATE: "true" });
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push((JSON.parse(body) as { type: string }).type);
      response.writeHead(204).end();
    });
  }).listen(0);
  await once(receiver, "listening");
  const { port } = receiver.address() as AddressInfo;
  await beside.company.call("POST", "endpoints", { url: `http://localhost:${port}` });
});

test.afterAll(async () => {
  receiver.close();
  await beside.stop();
});

const makeLink = async (kind: string, more: object = {}) =>
  (await beside.company.call<{ url: string }>("POST", kind, { user: customer.externalId, ...more })).url;

test("a page from before the switch to shadow mode, and every address that would repair or connect, says why it can't", async ({
  page,
}) => {
  customer = await beside.company.register(randomUUID(), [broken("VANGUARD"), { brokerage: "KRAKEN" }]);
  expect(await beside.company.adopt(customer, email)).toBe(true);
  await expect.poll(() => received).toContain("connection.needs_owner");
  const links = [await makeLink("fix-sessions"), await makeLink("connect-sessions")];
  await page.goto(await makeLink("sign-in-links", { return_to: "/connections" }));
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  const button = row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" });
  await button.waitFor();

  await beside.restart({ MODE: "shadow" });
  await button.click();
  await expect(
    page.getByText("Repairs and messages are off in shadow mode. Nothing was changed."),
  ).toBeVisible();

  await page.goto(`${beside.servers.appUrl}/connections`);
  await expect(page.getByRole("note", { name: "Shadow mode" })).toBeVisible();
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
  await expect(row(page, "Kraken")).toContainText("Connected");
  await expectNoWayToRepair(page);
  await page.getByRole("link", { name: "Vanguard US" }).click();
  await expect(page.getByText("Repairs are off in shadow mode.")).toBeVisible();
  await expectNoWayToRepair(page);

  for (const link of links) {
    await page.goto(link);
    await expect(page.getByText("Repairs are off in shadow mode. Nothing was changed.")).toBeVisible();
    await expectNoWayToRepair(page);
  }
  await page.goto(`${beside.servers.appUrl}/connections/new?brokerage=ALPACA`);
  await expect(page.getByText("Connecting isn’t possible in shadow mode.")).toBeVisible();
  await expectNoWayToRepair(page);
  await page.goto(`${beside.servers.appUrl}/portal/open`);
  await expect(page).toHaveURL(`${beside.servers.appUrl}/connections`);
  expect(await beside.company.connectionsOf(customer)).toHaveLength(2);
});

async function expectNoWayToRepair(page: Page) {
  await expect(page.getByRole("button", { name: /connect/i })).toHaveCount(0);
  await expect(page.getByRole("link", { name: /^(re)?connect /i })).toHaveCount(0);
}

test("a break that a webhook reports is on the person's page and in the report, and nobody is contacted", async ({
  page,
}) => {
  const { company, servers } = beside;
  const mails = () => company.control.get<object[]>(`/mail`);
  const mailsBefore = await mails();
  received.length = 0;
  const [, kraken = ""] = customer.ids;
  await page.goto(await makeLink("sign-in-links", { return_to: `/connections/${kraken}` }));
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  await company.control.post(`/users/${customer.snapTradeUserId}/connections/${kraken}/break`);
  await expect(page.getByText("Needs reconnecting")).toBeVisible();

  const { breaks } = await company.call<{ breaks: object[] }>("GET", "shadow-report");
  expect(breaks).toMatchObject([
    {
      connection: kraken,
      user: customer.externalId,
      announced: "yes",
      noticed_by: "webhook",
      ended_at: null,
    },
  ]);
  const { CRON_SECRET } = exampleSettings();
  const round = await fetch(`${servers.appUrl}/api/cron/reconcile`, {
    headers: { Authorization: `Bearer ${CRON_SECRET}` },
  });
  expect(round.status).toBe(200);
  expect(await mails()).toEqual(mailsBefore);
  expect(received).toEqual([]);
  expect(await company.connectionsOf(customer)).toMatchObject([{ disabled: true }, { disabled: true }]);
});
