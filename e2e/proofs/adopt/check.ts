/**
 * Checks what a section of docs/adopt.md has brought about, in the folder where its commands ran:
 * `check.ts people|webhooks|events|repair|hand-off`. Exits with 1 if it isn't so.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Webhook } from "standardwebhooks";
import { signEvent } from "../../emulator/webhooks/body";
import { launchBrowser } from "../../support/browser";
import { Company } from "../../support/company";
import { enterBySession, repair } from "../../support/repair";
import { eventOf, signed } from "../../support/sender";
import type { Arrivals } from "./stage";

const setting = (name: string) => process.env[name] ?? "";
const read = (file: string) => readFileSync(file, "utf8").trim();
const waitMs = 20_000;

const company = new Company(
  { appUrl: setting("RECONNECT_URL"), emulatorUrl: setting("EMULATOR_URL") },
  setting("RECONNECT_API_KEY"),
);

const checks: Record<string, () => Promise<string>> = {
  async people() {
    for (const user of ["user-1", "user-2", "user-3"]) await company.call("GET", `users/${user}`);
    return "all three people are here";
  },

  async webhooks() {
    const connectionId = await change("break");
    const relayed = await arrived("/snaptrade", ({ body }) => body.includes("CONNECTION_BROKEN"));
    const signature = signEvent(setting("SNAPTRADE_CONSUMER_KEY"), JSON.parse(relayed.body) as object);
    if (relayed.headers.signature !== signature) throw new Error("The relayed signature doesn't match");
    // The other direction, with the guide's own code.
    const { forward } = (await import(pathToFileURL(path.resolve("forward.mjs")).href)) as {
      forward: (body: string, signature: string) => Promise<void>;
    };
    const sent = signed(
      eventOf("CONNECTION_BROKEN", setting("USER_1_AT_SNAPTRADE"), connectionId, Date.now()),
    );
    await forward(sent.body, sent.signature);
    return "SnapTrade's webhooks reach both, in either direction, with their signature";
  },

  async events() {
    // The endpoint hears only of what happens from now on.
    await change("fix");
    await change("break");
    const { body, headers } = await arrived("/events", (event) => event.body.includes("needs_owner"));
    new Webhook(read("endpoint.secret").split("\n").at(-1) ?? "").verify(body, headers);
    return "an event arrived, and its signature is right";
  },

  async repair() {
    const [before] = await connections();
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto((JSON.parse(read("fix-session.json")) as { url: string }).url);
    await enterBySession(page);
    await repair(page, "Vanguard US");
    await page.getByRole("link", { name: "Back to Larch" }).click();
    await page.waitForURL(`${setting("LARCH_URL")}/portfolio?**`);
    await browser.close();
    const [after] = await connections();
    if (!before?.disabled || after?.disabled || before.id !== after?.id)
      throw new Error("It isn't the same connection, or doesn't work");
    await arrived("/events", ({ body }) => body.includes('"connection.fixed"'));
    return "the same connection works again, and the event arrived";
  },

  async "hand-off"() {
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto((JSON.parse(read("sign-in-link.json")) as { url: string }).url);
    await page.getByRole("button", { name: /^Sign in as/ }).click();
    await page.getByRole("listitem", { name: /Kraken/ }).waitFor();
    await browser.close();
    return "the link signed its person in";
  },
};

const connections = () => company.connectionsOf({ snapTradeUserId: setting("USER_1_AT_SNAPTRADE") });

/** Lets the first person's connection break, or work again, at SnapTrade. @returns its id */
async function change(how: "break" | "fix"): Promise<string> {
  const [connection] = await connections();
  const place = `/users/${setting("USER_1_AT_SNAPTRADE")}/connections/${connection?.id ?? ""}`;
  await company.control.post(`${place}/${how}`);
  return connection?.id ?? "";
}

/** The first thing posted to a path of the product for which `isIt` returns true, once it is there. */
async function arrived(place: string, isIt: (arrival: { body: string }) => boolean) {
  for (const until = Date.now() + waitMs; Date.now() < until;) {
    const arrivals = (await (await fetch(`${setting("LARCH_URL")}/arrivals`)).json()) as Arrivals;
    const found = arrivals[place]?.find(isIt);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`Nothing such arrived at ${place}`);
}

const [, , name = ""] = process.argv;
try {
  console.log(`passed: ${await checks[name]?.()}`);
} catch (error) {
  console.error(`FAILED: ${error instanceof Error ? error.message : "unknown reason"}`);
  process.exit(1);
}
