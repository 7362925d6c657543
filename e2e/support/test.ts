import { randomUUID } from "node:crypto";
import { test as base, type BrowserContext, type Page } from "@playwright/test";
import { Control, type SeededConnection } from "./control";
import { makePerson, seedConnections, type Person, type Servers } from "./people";

export { expect } from "@playwright/test";

/**
 * A signed-in person with connections at SnapTrade and ways to disturb them without affecting anyone else.
 */
export interface Owner extends Person {
  ids: string[];
  /** Signs the browser in as this person. */
  enter: (context: BrowserContext) => Promise<void>;
  fault: (fault: object) => Promise<void>;
  clearFaults: () => Promise<void>;
  set: (settings: object) => Promise<void>;
  /** Advances their clock at SnapTrade. */
  advance: (seconds: number) => Promise<void>;
  /** Adds a connection, and makes the app look at it. */
  connect: (connection: SeededConnection) => Promise<void>;
  break: (index: number) => Promise<void>;
  fix: (index: number) => Promise<void>;
  /** Closes an account at the brokerage, by its name. */
  closeAccount: (index: number, name: string) => Promise<void>;
  /** Deletes a connection at SnapTrade. */
  remove: (index: number) => Promise<void>;
  /** Resolves once an event of theirs has reached the app. */
  delivered: (eventType: string) => Promise<boolean>;
  /** How often SnapTrade received a request to a path in their name. */
  asked: (path: string) => Promise<number>;
}

interface Delivery {
  event: { eventType: string };
  state: string;
}

/** Longest wait for React on a page, in milliseconds. */
const untilReact = 10_000;

type Make = (...connections: SeededConnection[]) => Promise<Owner>;

/**
 * Broken a while ago: many people's breaks at the same moment would be an incident, which pages describe
 * differently.
 */
export const broken = (brokerage: string, more: Partial<SeededConnection> = {}): SeededConnection => ({
  brokerage,
  disabled: true,
  disabledDate: new Date(Date.now() - 3_600_000).toISOString(),
  ...more,
});

export const servers = (): Servers => ({
  appUrl: process.env.APP_URL ?? "",
  emulatorUrl: process.env.EMULATOR_URL ?? "",
});

/** The emulated portal, a separate site on the emulator's port. */
export const portalOrigin = () => servers().emulatorUrl.replace("localhost", "127.0.0.1");

async function makeOwner(...connections: SeededConnection[]): Promise<Owner> {
  const person = await makePerson(servers(), `${randomUUID()}@example.com`);
  const made = await seedConnections(person, connections);
  const ids = made.map(({ id }) => id);
  const path = `/users/${person.snapTradeUserId}`;
  const change = (index: number, how: string, body: object = {}) =>
    person.control.post(`${path}/connections/${ids[index] ?? ""}/${how}`, body).then(() => undefined);
  return {
    ...person,
    ids,
    enter: (context) => context.addCookies(cookiesOf(person)),
    fault: (fault) => person.control.post(`${path}/faults`, fault).then(() => undefined),
    clearFaults: () => person.control.remove(`${path}/faults`),
    set: (settings) => person.control.post(`${path}/settings`, settings).then(() => undefined),
    advance: (seconds) => person.control.post(`${path}/advance`, { seconds }).then(() => undefined),
    connect: async (connection) => {
      ids.push(...(await seedConnections(person, [connection])).map(({ id }) => id));
    },
    break: (index) => change(index, "break"),
    fix: (index) => change(index, "fix"),
    closeAccount: (index, name) => change(index, "close-account", { name }),
    remove: (index) => change(index, "delete"),
    delivered: async (eventType) => {
      const deliveries = await person.control.get<Delivery[]>(`/deliveries?userId=${person.snapTradeUserId}`);
      return deliveries.some(({ event, state }) => event.eventType === eventType && state === "delivered");
    },
    asked: async (asked) => {
      const { requests } = await person.control.get<{ requests: { path: string }[] }>(path);
      return requests.filter((request) => request.path === asked).length;
    },
  };
}

export function cookiesOf({ visitor }: Person) {
  return visitor
    .cookieHeader()
    .split("; ")
    .map((pair) => ({
      name: pair.slice(0, pair.indexOf("=")),
      value: pair.slice(pair.indexOf("=") + 1),
      url: visitor.appUrl,
    }));
}

/**
 * Makes `page.goto` also wait until React handles clicks everywhere on the page. A click before that works as
 * without JavaScript, which has journeys of its own.
 */
function waitForReact(page: Page) {
  const goto = page.goto.bind(page);
  page.goto = async (...args) => {
    const response = await goto(...args);
    if (args[1]?.waitUntil !== "commit")
      await page.waitForFunction(isHydrated, null, { timeout: untilReact });
    return response;
  };
}

/** Runs in the page. React marks each element that it has taken over. */
function isHydrated() {
  const isMarked = (element: Element) => Object.keys(element).some((key) => key.startsWith("__reactProps"));
  const ours = document.querySelector('script[src*="/_next/static/"]');
  return !ours || [...document.querySelectorAll("form, button")].every(isMarked);
}

/** `make` creates a person; `owner` is one with a stopped Vanguard connection, signed in to the browser. */
export const test = base.extend<{ make: Make; owner: Owner; control: Control }>({
  context: async ({ context, javaScriptEnabled }, provide) => {
    if (javaScriptEnabled) context.on("page", waitForReact);
    await provide(context);
  },
  make: async ({}, provide) => provide(makeOwner),
  control: async ({}, provide) => provide(new Control(servers().emulatorUrl)),
  owner: async ({ context }, provide) => {
    const owner = await makeOwner(
      broken("VANGUARD", { accounts: [{ name: "Brokerage", number: "55124417" }] }),
    );
    await owner.enter(context);
    await provide(owner);
  },
});

/** A connection's row in the list. */
export const row = (page: Page, brokerage: string) =>
  page.getByRole("listitem", { name: new RegExp(brokerage) });
