import * as api from "./api";
import * as auth from "./auth";
import * as connections from "./connections";
import * as fix from "./fix-sessions";
import * as events from "./events";
import * as former from "./former-users";
import * as incidents from "./incidents";
import * as notices from "./notices";
import * as portal from "./portal";
import * as relations from "./relations";
import * as users from "./users";
import * as webhooks from "./webhooks";
import * as work from "./work";

/** All tables and their relations, for the drivers. */
export const tables = {
  ...users,
  ...auth,
  ...api,
  ...former,
  ...connections,
  ...fix,
  ...portal,
  ...incidents,
  ...notices,
  ...events,
  ...webhooks,
  ...work,
  ...relations,
};
