import * as auth from "./auth";
import * as former from "./former-users";
import * as incident from "./incidents";
import * as notices from "./notices";
import * as relations from "./relations";
import * as schema from "./connections";
import * as work from "./work";

/** All tables and how they hang together, for the drivers. */
export const tables = { ...schema, ...auth, ...former, ...incident, ...notices, ...work, ...relations };
