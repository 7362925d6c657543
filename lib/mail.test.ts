import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import { MailNotSent, overtaken, sendMail } from "./mail";
import { testSettings } from "@/lib/testing/unique";

const mail = { to: "someone@example.com", subject: "Hello", text: "Hello", html: "<p>Hello</p>" };
let server: Server;
let serve: (socket: Socket) => void = () => undefined;
const ended: Promise<unknown>[] = [];

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    ended.push(new Promise((done) => socket.once("close", done)));
    serve(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  Object.assign(process.env, testSettings, {
    SMTP_URL: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  return () => server.close();
});
/** Every connection must be closed when its test ends. */
afterEach(() => Promise.all(ended.splice(0)));

/** Speaks just enough SMTP; tests can override its answer to a command or to the e-mail itself. */
function speak(
  socket: Socket,
  answers: Partial<Record<"EHLO" | "MAIL" | "RCPT" | "DATA" | "whole", () => void>>,
) {
  const say = (line: string) => socket.write(`${line}\r\n`);
  const usual: Record<string, () => void> = {
    EHLO: () => say("250 here"),
    MAIL: () => say("250 ok"),
    RCPT: () => say("250 ok"),
    DATA: () => say("354 go on"),
    whole: () => say("250 taken"),
    QUIT: () => socket.end("221 bye\r\n"),
  };
  say("220 here");
  socket.on("data", (chunk) => {
    const text = chunk.toString();
    const command = text.endsWith("\r\n.\r\n") ? "whole" : text.slice(0, 4).trim().toUpperCase();
    (answers[command as "EHLO"] ?? usual[command])?.();
  });
}

/** Sends a byte now and then, endlessly. */
function trickle(socket: Socket) {
  const timer = setInterval(() => socket.write("2"), 20);
  socket.once("close", () => clearInterval(timer));
}

const failure = (sending: Promise<void>) =>
  sending.then(
    () => null,
    (error: unknown) =>
      error instanceof MailNotSent ? { certain: error.certain, reason: error.reason } : error,
  );

test("a server that accepts the e-mail receives it", async () => {
  serve = (socket) => speak(socket, {});
  expect(await failure(sendMail(mail))).toBeNull();
});

test.each(["EHLO", "RCPT", "DATA"] as const)(
  "a server that stalls after %s is abandoned in time, and certainly did not receive the e-mail",
  async (command) => {
    serve = (socket) => speak(socket, { [command]: () => trickle(socket) });
    expect(await failure(sendMail(mail, 300))).toEqual({ certain: true, reason: "ETIMEDOUT" });
  },
);

test("a server that never answers is abandoned in time", async () => {
  serve = () => undefined;
  expect(await failure(sendMail(mail, 300))).toEqual({ certain: true, reason: "ETIMEDOUT" });
});

test("a server that stalls after receiving the whole e-mail may have accepted it", async () => {
  serve = (socket) => speak(socket, { whole: () => trickle(socket) });
  expect(await failure(sendMail(mail, 300))).toEqual({ certain: false, reason: "ETIMEDOUT" });
});

test("a refusal is certain, and only its number is reported", async () => {
  serve = (socket) =>
    speak(socket, { RCPT: () => socket.write("550 no such person as someone@example.com\r\n") });
  expect(await failure(sendMail(mail))).toEqual({ certain: true, reason: "550" });
});

test("an e-mail that is no longer true, or cannot be checked, is abandoned at once and never leaves", async () => {
  const seen: string[] = [];
  serve = (socket) => {
    socket.on("data", (chunk) => seen.push(chunk.toString()));
    speak(socket, {});
  };
  expect(await failure(sendMail({ ...mail, begin: () => Promise.resolve(false) }))).toEqual({
    certain: true,
    reason: overtaken,
  });
  const broken = Object.assign(new Error("No database"), { code: "57P01" });
  expect(await failure(sendMail({ ...mail, begin: () => Promise.reject(broken) }))).toEqual({
    certain: true,
    reason: "57P01",
  });
  expect(seen.join("")).not.toContain("Hello");
});

test("an e-mail whose time is up before its turn never leaves", async () => {
  let begin: () => void = () => undefined;
  const begun = new Promise<boolean>((resolve) => (begin = () => resolve(true)));
  const seen: string[] = [];
  serve = (socket) => {
    socket.on("data", (chunk) => seen.push(chunk.toString()));
    speak(socket, {});
  };
  expect(await failure(sendMail({ ...mail, begin: () => begun }, 200))).toEqual({
    certain: true,
    reason: "ETIMEDOUT",
  });
  begin();
  await Promise.all(ended);
  expect(seen.join("")).not.toContain("Hello");
});
