import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Mail } from "../world/model";
import { startTestEmulator } from "../testing";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
beforeAll(async () => {
  world = await startTestEmulator();
});
afterAll(() => world.emulator.close());

function send(to: string, subject: string, content: { text?: string; html?: string } = {}) {
  return createTransport(world.emulator.smtpUrl).sendMail({
    from: "Reconnect <app@example.com>",
    to,
    subject,
    ...content,
  });
}

test("mail is kept per address with its links, newest first", async () => {
  await send("ana@example.com", "First", { text: "See https://app.example.com/a?x=1&y=2." });
  await send("Ana@example.com, bo@example.com", "Zweite – è", {
    html: '<a href="https://app.example.com/b?x=1&amp;y=2">Open</a>',
  });
  const mails = await world.control<Mail[]>("/mail?to=ana@example.com");
  expect(mails.map(({ subject, from, links }) => ({ subject, from, links }))).toEqual([
    { subject: "Zweite – è", from: "app@example.com", links: ["https://app.example.com/b?x=1&y=2"] },
    { subject: "First", from: "app@example.com", links: ["https://app.example.com/a?x=1&y=2"] },
  ]);
  expect(await world.control<Mail[]>("/mail?to=bo@example.com")).toHaveLength(1);
});

test("a caller can wait for a mail to arrive", async () => {
  await send("cy@example.com", "Old");
  const old = await world.control<Mail>("/mail/wait?to=cy@example.com");
  const waiting = world.control<Mail>(`/mail/wait?to=cy@example.com&after=${old.id}&timeoutMs=5000`);
  await send("other@example.com", "Not this one");
  await send("cy@example.com", "New");
  expect((await waiting).subject).toBe("New");
  await expect(world.control("/mail/wait?to=nobody@example.com&timeoutMs=20")).rejects.toThrow("404");
});

test("the mail of one address can be deleted", async () => {
  await send("di@example.com", "Gone soon");
  await send("ed@example.com", "Stays");
  await world.control("/mail?to=di@example.com", undefined, "DELETE");
  expect(await world.control("/mail?to=di@example.com")).toEqual([]);
  expect(await world.control("/mail?to=ed@example.com")).toHaveLength(1);
});

test("mail larger than a megabyte is refused", async () => {
  await expect(send("fi@example.com", "Large", { text: "x".repeat(1_200_000) })).rejects.toThrow();
  expect(await world.control("/mail?to=fi@example.com")).toEqual([]);
});

test("the pages show a mail without running its HTML", async () => {
  await send("gus@example.com", "<b>Bold</b>", {
    text: "plain",
    html: '<script>alert(1)</script><a href="https://app.example.com/">Go</a>',
  });
  const [mail] = await world.control<Mail[]>("/mail?to=gus@example.com");
  const list = await (await fetch(`${world.emulator.url}/mailbox`)).text();
  expect(list).toContain("&lt;b&gt;Bold&lt;/b&gt;");
  const page = await (await fetch(`${world.emulator.url}/mailbox/${mail?.id}`)).text();
  expect(page).toContain('href="https://app.example.com/"');
  expect(page).toContain('sandbox="allow-top-navigation-by-user-activation allow-popups"');
  expect(page).not.toContain("<script>alert(1)");
});
