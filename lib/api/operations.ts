import "server-only";
import type { Operation } from "./operation";
import { checkUser } from "./operations/check-user";
import { createSignInLink } from "./operations/create-sign-in-link";
import { deleteUser } from "./operations/delete-user";
import {
  deleteEndpoint,
  getEndpoints,
  postEndpoint,
  postEndpointTest,
  rotateEndpoint,
} from "./operations/endpoints";
import { getEvents } from "./operations/events";
import { readFixSession, startConnectSession, startFixSession } from "./operations/fix-sessions";
import { getConnection } from "./operations/get-connection";
import { getUser } from "./operations/get-user";
import { listConnections } from "./operations/list-connections";
import { putUser } from "./operations/put-user";
import { getShadowReport, getShadowSummary } from "./operations/shadow-report";

/** Every operation of `/api/v1`. */
export const operations: Operation[] = [
  putUser,
  getUser,
  deleteUser,
  checkUser,
  listConnections,
  getConnection,
  getEvents,
  getEndpoints,
  postEndpoint,
  deleteEndpoint,
  rotateEndpoint,
  postEndpointTest,
  startFixSession,
  startConnectSession,
  readFixSession,
  createSignInLink,
  getShadowReport,
  getShadowSummary,
];
