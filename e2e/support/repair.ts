import type { Page } from "@playwright/test";
import { signIn } from "./portal";

/** Opens a fix session that signs its person in, by its button: the address alone does nothing. */
export const enterBySession = (page: Page) =>
  page.getByRole("button", { name: "Continue", exact: true }).click();

/** Repairs a connection on a fix session's page, through the emulated portal, up to the way back. */
export async function repair(page: Page, brokerage: string): Promise<void> {
  await page.getByRole("button", { name: `Reconnect ${brokerage}` }).click();
  await signIn(page, "good");
  await page.getByRole("link", { name: "Back to Larch" }).waitFor();
}
