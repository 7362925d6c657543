import * as auth from "./auth-schema";
import * as former from "./former-schema";
import * as incident from "./incident-schema";
import * as notices from "./notice-schema";
import * as relations from "./relations";
import * as schema from "./schema";
import * as work from "./work-schema";

/** All tables and how they hang together, for the drivers. */
export const tables = { ...schema, ...auth, ...former, ...incident, ...notices, ...work, ...relations };
