import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { build } from "esbuild";
import { Snaptrade, SnaptradeAuth } from "snaptrade-typescript-sdk";
import { startEmulator, type Emulator } from "../../emulator/server/server";

// snaptrade-react only listens to a fixed list of origins; this is the only local one.
const listenedPort = 5173;

let emulator: Emulator;
let host: Server;
let script: string;

test.beforeAll(async () => {
  emulator = await startEmulator({ port: listenedPort, smtpPort: 0, portalHost: "localhost" });
  script = await bundlePage();
  host = createServer((request, response) => {
    if (request.url === "/page.js") response.setHeader("Content-Type", "text/javascript").end(script);
    else
      response
        .setHeader("Content-Type", "text/html")
        .end(`<!doctype html><div id="root"></div><script src="/page.js"></script>`);
  });
  await new Promise<void>((resolve) => host.listen(0, "localhost", resolve));
});

test.afterAll(async () => {
  host.close();
  await emulator.close();
});

test("the real snaptrade-react receives the portal's success and close messages", async ({ page }) => {
  const { port } = host.address() as AddressInfo;
  const { loginLink, connectionId } = await openReconnect();
  await page.goto(`http://localhost:${port}/?link=${encodeURIComponent(loginLink)}`);
  const portal = page.frameLocator("iframe");
  await portal.getByLabel("User name").fill("wrong-password");
  await portal.getByLabel("Password").fill("anything");
  await portal.getByRole("button", { name: "Reconnect" }).click();
  await expect(page.getByRole("listitem")).toHaveText(["error 1066 403"]);
  await portal.getByRole("link", { name: "Try again" }).click();
  await portal.getByLabel("User name").fill("good");
  await portal.getByLabel("Password").fill("anything");
  await portal.getByRole("button", { name: "Reconnect" }).click();
  await expect(page.getByRole("listitem")).toHaveText(["error 1066 403", `success ${connectionId}`]);
  await portal.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("listitem")).toHaveText([
    "error 1066 403",
    `success ${connectionId}`,
    "close",
    "exit",
  ]);
});

/** Creates a user with a stopped connection and requests a login link to repair it, using the real SDK. */
async function openReconnect() {
  const sdk = new Snaptrade({
    auth: SnaptradeAuth.commercialApiKey({ clientId: emulator.clientId, consumerKey: emulator.consumerKey }),
    basePath: emulator.url,
  });
  const { data: user } = await sdk.authentication.registerSnapTradeUser({ userId: "listener" });
  const made = await fetch(`${emulator.url}/control/api/users/listener/connections`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ brokerage: "VANGUARD", disabled: true }),
  });
  const { id: connectionId } = (await made.json()) as { id: string };
  const { data } = await sdk.authentication.loginSnapTradeUser({
    userId: "listener",
    userSecret: user.userSecret ?? "",
    reconnect: connectionId,
  });
  if (!("redirectURI" in data) || !data.redirectURI) throw new Error("No login link");
  return { loginLink: data.redirectURI, connectionId };
}

async function bundlePage(): Promise<string> {
  const source = `
    import { createElement, useState } from "react";
    import { createRoot } from "react-dom/client";
    import { useWindowMessage } from "snaptrade-react/hooks/useWindowMessage";
    function Page() {
      const [heard, setHeard] = useState([]);
      const hear = (line) => setHeard((lines) => [...lines, line]);
      useWindowMessage({
        handleSuccess: (id) => hear("success " + id),
        handleError: ({ errorCode, statusCode }) => hear("error " + errorCode + " " + statusCode),
        handleExit: () => hear("exit"),
        close: () => hear("close"),
      });
      const link = new URLSearchParams(location.search).get("link");
      return createElement("div", null,
        createElement("ol", null, heard.map((line, index) => createElement("li", { key: index }, line))),
        createElement("iframe", { src: link, width: 600, height: 700 }));
    }
    createRoot(document.getElementById("root")).render(createElement(Page));`;
  const built = await build({
    stdin: { contents: source, resolveDir: process.cwd(), loader: "js" },
    bundle: true,
    write: false,
    format: "iife",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return built.outputFiles[0]?.text ?? "";
}
