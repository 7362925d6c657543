import { addConnection, repairConnection } from "../world/connections";
import { type SignInResult, recordEvent } from "../world/events";
import type { Connection, Ending, ListedBrokerage, PortalSession, User, World } from "../world/model";
import { expiredEnding } from "./session";

const rightCode = "123456";

interface TestLogin {
  name: string;
  happens: string;
  onlyWhen?: "connect" | "reconnect";
}

export const testLogins: TestLogin[] = [
  { name: "good", happens: "Signs in" },
  { name: "same-login", happens: "Signs in, already connected", onlyWhen: "connect" },
  { name: "third-time", happens: "Refused twice (1066), then signs in" },
  { name: "wrong-password", happens: "Credentials refused (1066)" },
  { name: "other-login", happens: "A different login (1023)", onlyWhen: "reconnect" },
  { name: "unreachable", happens: "Brokerage doesn't answer (3000)" },
  { name: "no-permission", happens: "Key lacks permission (1140)" },
  { name: "expired", happens: "Session expired (1006)" },
  { name: "unknown-code", happens: "Unknown error (9999)" },
  { name: "liar", happens: "Reports success, stays disabled" },
  { name: "hang", happens: "Never answers" },
];

interface Failure {
  code: string;
  status: number;
  detail: string;
  result: SignInResult;
}

const failures: Record<string, Failure> = {
  "wrong-password": refusal("The brokerage refused these credentials."),
  unreachable: {
    code: "3000",
    status: 500,
    detail: "The brokerage could not be reached.",
    result: "UNCAUGHT_ERROR",
  },
  "no-permission": {
    code: "1140",
    status: 403,
    detail: "This API key lacks the permissions needed.",
    result: "INVALID_CREDENTIALS",
  },
  expired: { code: "1006", status: 400, detail: "The session has expired.", result: "AUTH_EXPIRED" },
  "unknown-code": {
    code: "9999",
    status: 400,
    detail: "Something unexpected happened.",
    result: "UNCAUGHT_ERROR",
  },
};

const differentLogin: Failure = {
  code: "1023",
  status: 400,
  detail: "This login differs from the one this connection was made with.",
  result: "DIFFERENT_ACCOUNT",
};

const wrongCode: Failure = {
  code: "1086",
  status: 400,
  detail: "The code is incorrect.",
  result: "INVALID_MFA_CODE",
};

function refusal(detail: string): Failure {
  return { code: "1066", status: 403, detail, result: "INVALID_CREDENTIALS" };
}

type Attempt = "hang" | "needs-code" | Ending;

/** `code` is undefined until one has been asked for. */
export function attemptSignIn(
  world: World,
  session: PortalSession,
  brokerage: ListedBrokerage,
  login: string,
  code: string | undefined,
): Attempt {
  if (session.ending?.kind === "success") return expiredEnding;
  const user = world.user(session.userId);
  if (!user) return { kind: "error", code: "0000", status: 401, detail: "User not found." };
  const repaired = user.connections.find(({ id }) => id === session.wanted.reconnect);
  if (session.wanted.reconnect && !repaired) {
    return { kind: "error", code: "1012", status: 400, detail: "The connection to repair does not exist." };
  }

  if (login === "hang") return "hang";
  const refusedYet = login === "third-time" && session.failures < 2;
  const failure =
    failures[refusedYet ? "wrong-password" : login] ??
    (isKnown(login) ? undefined : refusal("Unknown test login. Use one of those listed."));
  if (failure) return fail(world, session, user, brokerage, failure);
  if (brokerage.signIn === "code" && code === undefined) return "needs-code";
  if (brokerage.signIn === "code" && code !== rightCode)
    return fail(world, session, user, brokerage, wrongCode);
  if (repaired && login === "other-login") return fail(world, session, user, brokerage, differentLogin);

  announce(world, user, brokerage, "SUCCESS");
  const connection = repaired
    ? reconnect(world, session, user, repaired, login)
    : connect(world, session, user, brokerage, login);
  session.ending = { kind: "success", connectionId: connection.id };
  world.changed();
  return session.ending;
}

function isKnown(login: string): boolean {
  return testLogins.some(({ name }) => name === login);
}

function fail(
  world: World,
  session: PortalSession,
  user: User,
  brokerage: ListedBrokerage,
  failure: Failure,
): Ending {
  announce(world, user, brokerage, failure.result);
  recordEvent(world, user, "CONNECTION_FAILED", {});
  const { code, status, detail } = failure;
  session.failures += 1;
  session.ending = { kind: "error", code, status, detail };
  return session.ending;
}

function announce(world: World, user: User, brokerage: ListedBrokerage, result: SignInResult) {
  recordEvent(world, user, "CONNECTION_ATTEMPTED", {
    brokerageId: brokerage.id,
    connectionAttemptedResult: result,
  });
}

function reconnect(
  world: World,
  session: PortalSession,
  user: User,
  connection: Connection,
  login: string,
): Connection {
  if (login === "liar") return connection;
  const { connectionType } = session.wanted;
  world.history.keep(user, world.now(user));
  if (connectionType) connection.type = accessLevel(world, connection.slug, connectionType);
  repairConnection(world, user, connection);
  return connection;
}

function connect(
  world: World,
  session: PortalSession,
  user: User,
  brokerage: ListedBrokerage,
  login: string,
): Connection {
  const known = user.connections.findLast(({ slug }) => slug === brokerage.slug);
  if (login === "same-login" && known) {
    repairConnection(world, user, known);
    return known;
  }
  const { siblingBrokerage } = world.settingsOf(user);
  return addConnection(world, user, {
    brokerage: (siblingBrokerage === null ? undefined : world.brokerage(siblingBrokerage)) ?? brokerage,
    type: accessLevel(world, brokerage.slug, session.wanted.connectionType ?? "read"),
    disabledAt: login === "liar" ? world.now(user) : null,
    createdAt: world.now(user),
  });
}

function accessLevel(
  world: World,
  slug: string,
  wanted: "read" | "trade" | "trade-if-available",
): "read" | "trade" {
  return wanted !== "read" && world.brokerage(slug)?.allowsTrading ? "trade" : "read";
}
