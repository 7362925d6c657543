/**
 * Tries every route and server action of the build without a session, as another person, as the visitor of
 * another fix session, with an expired and a revoked session, and from a foreign origin. None may read or change anything that belongs to the target.
 * Prints what failed and one line of counts; exits with 1 if anything failed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { listApiRequests } from "./company-api";
import { actions, forVisitors, routes, type ActionExpectation } from "./expectations";
import { setStage, type Stage } from "./stage";
import { listActions, listRoutes, type Action } from "./surface";

const cases = ["no session", "another person", "a visitor", "expired", "revoked", "foreign origin"] as const;
type Case = (typeof cases)[number];

const count = { passed: 0, failed: 0 };
const foreignOrigin = "https://evil.example";

function expect(what: string, holds: boolean, seen: string) {
  if (holds) count.passed++;
  else {
    count.failed++;
    console.error(`✗ ${what}: ${seen}`);
  }
}

function headersOf({ appUrl, cookies }: Stage, kind: Case, fresh?: string): Record<string, string> {
  const { owner, stranger, visitor, expired, revoked } = cookies;
  const cookie = {
    "no session": "",
    "another person": fresh ?? stranger,
    "a visitor": fresh ?? visitor,
    expired,
    revoked,
    "foreign origin": owner,
  }[kind];
  return { Cookie: cookie, Origin: kind === "foreign origin" ? foreignOrigin : appUrl };
}

interface Answer {
  status: number;
  location: string;
  body: string;
  allowsOrigin: boolean;
  headers: Headers;
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const gone = new AbortController();
  const answer = await fetch(url, { ...init, redirect: "manual", signal: gone.signal });
  // A stream doesn't end on its own, and carries only a version number.
  const streams = answer.headers.get("content-type") === "text/event-stream";
  const body = streams ? "" : await answer.text();
  if (streams) gone.abort();
  const location = answer.headers.get("location") ?? "";
  const allowsOrigin = answer.headers.has("access-control-allow-origin");
  return { status: answer.status, location, body, allowsOrigin, headers: answer.headers };
}

const describe = ({ status, location, body }: Answer) =>
  `${status} ${location} ${body.slice(0, 160).replaceAll("\n", " ")}`;
const reads = (stage: Stage, { body }: Answer) => stage.secrets.some((secret) => body.includes(secret));
const asksToSignIn = ({ status, location }: Answer) =>
  [303, 307].includes(status) && /^\/(\?|$)/.test(location);

/** Runs a request and requires that it neither read nor changed anything of the target's. */
async function harmless(stage: Stage, what: string, request: () => Promise<Answer>): Promise<Answer> {
  const before = await stage.fingerprint();
  const answer = await request();
  expect(`${what} reads nothing`, !reads(stage, answer) && !answer.allowsOrigin, describe(answer));
  expect(`${what} changes nothing`, (await stage.fingerprint()) === before, describe(answer));
  return answer;
}

const pathOf = (route: string, { target }: Stage) =>
  route
    .replace("[connectionId]", target.connectionId)
    .replace("[fixSessionId]", target.fixSessionId)
    .replace("[portalSessionId]", target.portalSessionId)
    .replace("[token]", route.startsWith("/fix") ? target.fixToken : "made-up")
    .replace("[...nextauth]", "session")
    .replace("[[...path]]", "connections");

async function tryRoute(stage: Stage, route: string): Promise<void> {
  const who = routes[route];
  if (!who) {
    expect(route, false, "is not in e2e/proofs/inventory/expectations.ts");
    return;
  }
  const url = stage.appUrl + pathOf(route, stage);
  for (const kind of cases) {
    const what = `GET ${route}, ${kind}`;
    // Owners may read their own data. Without CORS, the browser keeps the answer from the foreign page.
    if (kind === "foreign origin") {
      const answer = await ask(url, { headers: headersOf(stage, kind) });
      expect(what, !answer.allowsOrigin, describe(answer));
      const reached = await ask(url, { headers: { Cookie: stage.cookies.owner } });
      const mine = who !== "person" || (!asksToSignIn(reached) && reached.status < 400);
      expect(`GET ${route}, its owner`, mine, describe(reached));
      expectHeaders(route, who, reached);
    } else {
      const answer = await harmless(stage, what, () => ask(url, { headers: headersOf(stage, kind) }));
      const signedOut = !isSignedIn(kind, route);
      if (signedOut && who === "person") expect(what, asksToSignIn(answer), describe(answer));
      if (signedOut && who === "stream") expect(what, answer.status === 401, describe(answer));
      if (who === "program") expect(what, answer.status >= 300, describe(answer));
    }
    const post = await harmless(stage, `POST ${route}, ${kind}`, () =>
      ask(url, {
        method: "POST",
        headers: headersOf(stage, kind),
        body: new URLSearchParams({ posted: "yes" }),
      }),
    );
    if (who === "program") expect(`POST ${route}, ${kind}`, post.status >= 400, describe(post));
    else if (kind === "foreign origin") expect(`POST ${route}, ${kind}`, post.status === 403, describe(post));
  }
}

/** Headers that every answer must have, including the one that keeps a person's pages out of caches. */
function expectHeaders(route: string, who: string, { headers, status }: Answer) {
  const required: [name: string, part: string][] = [
    ["x-content-type-options", "nosniff"],
    // A redirect has nothing to frame.
    ...(status >= 300 && status < 400
      ? []
      : [["content-security-policy", "frame-ancestors 'none'"] as [string, string]]),
    ["referrer-policy", ""],
    ["strict-transport-security", "includeSubDomains"],
    ...(who === "person" ? [["cache-control", "no-store"] as [string, string]] : []),
  ];
  for (const [name, part] of required)
    expect(
      `GET ${route}, header ${name}`,
      headers.get(name)?.includes(part) ?? false,
      String(headers.get(name)),
    );
}

async function tryAction(stage: Stage, action: Action): Promise<void> {
  const expected = actions[action.name];
  if (!expected) {
    expect(action.name, false, "is not in e2e/proofs/inventory/expectations.ts");
    return;
  }
  const input = expected.input(stage.target);
  const url = stage.appUrl + pathOf(action.page, stage);
  for (const kind of cases) {
    const what = `${action.name}, ${kind}`;
    const fresh = expected.last ? await freshCookie(stage, kind) : undefined;
    const headers = headersOf(stage, kind, fresh);
    const answer = await harmless(stage, what, () =>
      ask(url, expected.how === "call" ? called(action, headers, input) : posted(action, headers, input)),
    );
    if (kind === "foreign origin") expect(what, answer.status === 403, describe(answer));
    else if (expected.who === "person")
      expect(what, isRight(answer, isSignedIn(kind, action.name), expected), describe(answer));
  }
}

const isSignedIn = (kind: Case, what: string) =>
  kind === "another person" || (kind === "a visitor" && forVisitors.has(what));

/** A session of its own for an action that ends it. */
const freshCookie = (stage: Stage, kind: Case): Promise<string> | undefined =>
  kind === "another person" ? stage.newStranger() : kind === "a visitor" ? stage.newVisitor() : undefined;

/** Refused as signed out or not found. A request that the action couldn't even read would prove nothing. */
function isRight(answer: Answer, signedIn: boolean, { named, how }: ActionExpectation): boolean {
  const text = how === "call" ? answer.body : answer.location;
  if (text.includes("invalid-input")) return false;
  if (!signedIn) return how === "call" ? text.includes('"code":"signed-out"') : asksToSignIn(answer);
  if (!named)
    return how === "call" ? /"ok":(true|false)/.test(text) : answer.status < 400 && !asksToSignIn(answer);
  return text.includes("not-found") || text.includes("ended=one");
}

/** Every operation of the API, for servers that may not use it. */
async function tryApi(stage: Stage): Promise<number> {
  const requests = await listApiRequests(stage);
  for (const { what, url, init, statuses } of requests) {
    const answer = await harmless(stage, what, () => ask(url, init));
    const isProblem = answer.headers.get("content-type") === "application/problem+json";
    expect(what, isProblem && statuses.includes(answer.status), describe(answer));
  }
  const { headers, body } = await ask(`${stage.appUrl}/api/v1/docs`, {});
  const nonce = /<style nonce="([^"]+)"/.exec(body)?.[1];
  const policy = headers.get("content-security-policy") ?? "";
  expect("the API's page may use its style", policy.includes(`style-src 'nonce-${nonce}'`), policy);
  return requests.length;
}

/** The way our scripts call it. */
function called({ id }: Action, headers: Record<string, string>, input: object): RequestInit {
  return {
    method: "POST",
    headers: {
      ...headers,
      "Next-Action": id,
      Accept: "text/x-component",
      "Content-Type": "text/plain;charset=UTF-8",
    },
    body: JSON.stringify([input]),
  };
}

/** The way a browser without JavaScript posts it. */
function posted(
  { id }: Action,
  headers: Record<string, string>,
  input: Record<string, unknown>,
): RequestInit {
  const body = new FormData();
  body.set(`$ACTION_ID_${id}`, "");
  for (const [name, value] of Object.entries(input)) body.set(name, String(value));
  return { method: "POST", headers, body };
}

/** Part of a name, to try only those that contain it. */
const [, , only = ""] = process.argv;
const startedAt = performance.now();
const stage = await setStage();
try {
  const [allRoutes, allActions] = [listRoutes(), listActions()];
  for (const route of allRoutes) if (route.includes(only)) await tryRoute(stage, route);
  for (const action of allActions) if (action.name.includes(only)) await tryAction(stage, action);
  const apiRequests = await tryApi(stage);
  for (const name of Object.keys(routes))
    expect(name, allRoutes.includes(name), "is expected, but not in the build");
  for (const name of Object.keys(actions))
    expect(
      name,
      allActions.some((action) => action.name === name),
      "is expected, but not in the build",
    );
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(
    `inventory: ${allRoutes.length} routes and ${allActions.length} actions, each in ${cases.length} cases, and ${apiRequests} requests to the API: ` +
      `${count.passed} passed, ${count.failed} failed, ${seconds} s`,
  );
} finally {
  await stage.stop();
}
const report = process.env.INVENTORY_REPORT;
if (report) {
  mkdirSync(path.dirname(report), { recursive: true });
  writeFileSync(report, JSON.stringify(count));
}
process.exit(count.failed > 0 ? 1 : 0);
