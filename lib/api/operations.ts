import "server-only";
import type { Operation } from "./operation";
import { readFixSession, startConnectSession, startFixSession } from "./operations/fix-sessions";
import { getUser } from "./operations/get-user";

/** Every operation of `/api/v1`. */
export const operations: Operation[] = [getUser, startFixSession, startConnectSession, readFixSession];
