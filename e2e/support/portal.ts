import type { FrameLocator, Page } from "@playwright/test";

type Place = Page | FrameLocator;

/** The emulated portal's sign-in by user name and password, wherever it is shown. */
export async function signIn(portal: Place, login: string, submit = "Reconnect") {
  await portal.getByLabel("User name").fill(login);
  await portal.getByLabel("Password").fill("anything");
  await portal.getByRole("button", { name: submit, exact: true }).click();
}

/** The dialog that holds the portal. */
export function dialogOf(page: Page) {
  const dialog = page.getByRole("dialog");
  return {
    dialog,
    portal: dialog.frameLocator("iframe"),
    result: (title: string | RegExp) => dialog.getByRole("heading", { level: 2, name: title }),
    close: () => dialog.getByRole("button", { name: "Close", exact: true }).first().click(),
  };
}

/** Opens the dialog of one connection from the list. */
export async function openDialog(page: Page, brokerage: string) {
  await page.goto("/connections");
  await page
    .getByRole("listitem", { name: new RegExp(brokerage) })
    .getByRole("button", { name: `Reconnect ${brokerage}` })
    .click();
  return dialogOf(page);
}
