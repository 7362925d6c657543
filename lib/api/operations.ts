import "server-only";
import type { Operation } from "./operation";
import { getUser } from "./operations/get-user";

/** Every operation of `/api/v1`. */
export const operations: Operation[] = [getUser];
