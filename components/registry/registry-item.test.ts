import { readFileSync } from "node:fs";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ConnectionBanner } from "./connection-banner";
import { reconnectRoute } from "./reconnect-route";
import { GET, POST } from "./route";

/** What becomes of the files here in another project, before shadcn adapts the paths to its aliases. */
const files = [
  { name: "connection-banner.tsx", path: "components/connection-banner.tsx", type: "registry:component" },
  { name: "use-connections.ts", path: "hooks/use-connections.ts", type: "registry:hook" },
  { name: "reconnect-route.ts", path: "lib/reconnect-route.ts", type: "registry:lib" },
  {
    name: "route.ts",
    path: "app/api/reconnect/route.ts",
    type: "registry:file",
    target: "app/api/reconnect/route.ts",
  },
];
const places = {
  "./use-connections": "@/hooks/use-connections",
  "./reconnect-route": "@/lib/reconnect-route",
};

function contentOf(name: string): string {
  return Object.entries(places).reduce(
    (text, [from, to]) => text.replaceAll(`"${from}"`, `"${to}"`),
    readFileSync(`components/registry/${name}`, "utf8"),
  );
}

test("what shadcn adds is what components/registry holds", async () => {
  const item = {
    $schema: "https://ui.shadcn.com/schema/registry-item.json",
    name: "connection-banner",
    type: "registry:block",
    title: "Connection banner",
    description: "Says which brokerage connections need the person, and starts their repair in Reconnect.",
    envVars: { RECONNECT_URL: "https://connections.example.com", RECONNECT_API_KEY: "" },
    docs:
      "Set RECONNECT_URL and RECONNECT_API_KEY, say in app/api/reconnect/route.ts who is signed in, " +
      "and put <ConnectionBanner /> on a page.",
    files: files.map(({ name, ...file }) => ({ ...file, content: contentOf(name) })),
  };
  // After a change there, `npx vitest run components/registry -u` writes it again.
  await expect(`${JSON.stringify(item, null, 2)}\n`).toMatchFileSnapshot(
    "../../public/r/connection-banner.json",
  );
});

test("the banner and its hook import nothing but React", () => {
  const imports = ["connection-banner.tsx", "use-connections.ts"].flatMap((name) =>
    [...contentOf(name).matchAll(/ from "([^"]+)"/g)].map(([, from]) => from),
  );
  expect(new Set(imports)).toEqual(new Set(["react", "@/hooks/use-connections"]));
});

const address = "https://app.example.com/api/reconnect";
const fromHere = { headers: { "Sec-Fetch-Site": "same-origin" }, method: "POST" };

test("the route answers nobody until it knows who is signed in", async () => {
  await expect(GET(new Request(address))).rejects.toThrow("fill in personOf()");
  await expect(POST(new Request(address, fromHere))).rejects.toThrow("fill in personOf()");
});

test("the route refuses whoever isn't signed in, and pages of other sites", async () => {
  const nobody = reconnectRoute(() => null);
  expect((await nobody.GET(new Request(address))).status).toBe(401);
  expect((await nobody.POST(new Request(address, fromHere))).status).toBe(401);
  const somebody = reconnectRoute(() => "user-1");
  for (const site of ["cross-site", "same-site", "none", ""]) {
    const headers: HeadersInit = site ? { "Sec-Fetch-Site": site } : {};
    expect((await somebody.POST(new Request(address, { method: "POST", headers }))).status).toBe(403);
  }
});

test("the banner shows nothing until it knows that a connection needs the person", () => {
  expect(renderToStaticMarkup(createElement(ConnectionBanner))).toBe('<div role="status"></div>');
});
