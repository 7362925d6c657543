import "server-only";
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { TimeLimitExceeded } from "@/lib/base/time-limit";
import { env } from "@/lib/base/env";
import { isShadow } from "@/lib/base/mode";
import { isPublicAddress, lookupPublic, PrivateAddress } from "./public-address";

/** For the whole attempt, from resolving the name to the answer's status. */
export const postWithinMs = 10_000;
const maxAnswerBytes = 16 * 1024;

/** Why an attempt failed, in a form that can be stored: never a part of the answer. */
export class NotDelivered extends Error {
  override name = "NotDelivered";
  constructor(
    message: string,
    /** The receiver's answer; null if there was none. */
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

/** Whether events may be sent there: HTTPS without credentials, or anything if private addresses are allowed. */
export function isAllowedUrl(url: URL): boolean {
  const { EVENTS_ALLOW_PRIVATE: allowsPrivate } = env();
  if (url.username || url.password) return false;
  if (url.protocol !== "https:" && !(allowsPrivate && url.protocol === "http:")) return false;
  return allowsPrivate || isIP(hostOf(url)) === 0 || isPublicAddress(hostOf(url));
}

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, "");

/**
 * Posts once. Follows no redirect, ignores the answer's body, and connects to public addresses only, unless
 * EVENTS_ALLOW_PRIVATE is set.
 * @throws NotDelivered unless the answer's status is 2xx within ten seconds; always in shadow mode
 */
export async function post(url: URL, headers: Record<string, string>, body: Uint8Array): Promise<void> {
  if (isShadow()) throw new NotDelivered("nothing is sent in shadow mode");
  if (!isAllowedUrl(url)) throw new NotDelivered("the address is not allowed");
  const status = await request(url, headers, body).catch((error: unknown) => {
    throw new NotDelivered(describe(error));
  });
  if (status < 200 || status > 299) throw new NotDelivered(`status ${status}`, status);
}

function request(url: URL, headers: Record<string, string>, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === "https:" ? https : http;
    const sent = request(url, {
      method: "POST",
      headers: { ...headers, "Content-Length": body.length, "User-Agent": "Reconnect" },
      agent: false,
      ...(env().EVENTS_ALLOW_PRIVATE ? {} : { lookup: lookupPublic }),
    });
    const limit = setTimeout(
      () => sent.destroy(new TimeLimitExceeded(`no answer within ${postWithinMs / 1000} s`)),
      postWithinMs,
    );
    sent.on("error", reject);
    sent.on("close", () => {
      clearTimeout(limit);
      // An answer that changes the protocol (101) ends without an error and without a response.
      reject(new Error("The connection was closed"));
    });
    sent.on("response", (answer) => {
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) sent.destroy();
      });
      answer.on("error", () => undefined);
      resolve(answer.statusCode ?? 0);
    });
    sent.end(body);
  });
}

function describe(error: unknown): string {
  if (error instanceof PrivateAddress || error instanceof TimeLimitExceeded) return error.message;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "the connection failed";
}
