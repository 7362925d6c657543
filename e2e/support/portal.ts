import type { FrameLocator, Page } from "@playwright/test";
import { expect, type Owner } from "./test";

type Place = Page | FrameLocator;

/** Signs in to the emulated portal with a user name and password, wherever it is shown. */
export async function signIn(portal: Place, login: string, submit = "Reconnect") {
  await portal.getByLabel("User name").fill(login);
  await portal.getByLabel("Password").fill("anything");
  await portal.getByRole("button", { name: submit, exact: true }).click();
}

/** The dialog that contains the portal. */
export function dialogOf(page: Page) {
  const dialog = page.getByRole("dialog");
  return {
    dialog,
    portal: dialog.frameLocator("iframe"),
    result: (title: string | RegExp) => dialog.getByRole("heading", { level: 2, name: title }),
    close: () => dialog.getByRole("button", { name: "Close", exact: true }).first().click(),
    /** The message below the portal about the last refused sign-in. */
    refusal: (title: string) => dialog.getByRole("status").filter({ hasText: `${title}.` }),
    /** Leaves the portal with its own close button, which ends the session. */
    leavePortal: () => dialog.frameLocator("iframe").getByRole("button", { name: "Close" }).click(),
  };
}

/** Opens a connection's dialog from the list. */
export async function openDialog(page: Page, brokerage: string) {
  await page.goto("/connections");
  await page
    .getByRole("listitem", { name: new RegExp(brokerage) })
    .getByRole("button", { name: `Reconnect ${brokerage}` })
    .click();
  return dialogOf(page);
}

/** Opens the portal for a person's connection on its own page. */
export async function openPage(page: Page, owner: Owner, brokerage: string, index = 0) {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`/connections/${owner.ids[index] ?? ""}`);
  await page.getByRole("button", { name: `Reconnect ${brokerage}` }).click();
}

/** The return route of the session this portal page belongs to, taken from the login request. */
export async function returnPathOf(page: Page, owner: Owner): Promise<string> {
  await page.getByLabel("User name").waitFor();
  const [, sessionId = ""] = /\/s\/([0-9a-f-]{36})/.exec(page.url()) ?? [];
  expect(sessionId).not.toBe("");
  const { body } = await owner.control.get<{ body: { customRedirect: string } }>(`/sessions/${sessionId}`);
  return new URL(body.customRedirect).pathname;
}

/** The heading of a result on its own page. */
export const resultIn = (page: Page, title: string | RegExp) =>
  page.getByRole("heading", { level: 2, name: title });
