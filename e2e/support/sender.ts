import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { signEvent, writeBody } from "../emulator/webhooks/body";
import { exampleSettings } from "./ground.mjs";

const settings = exampleSettings() as Record<string, string>;

export interface PostedEvent {
  webhookId: string;
  eventType: string;
  eventTimestamp: string;
  userId: string;
  brokerageAuthorizationId: string;
}

/** An event for one connection, as SnapTrade would send it. */
export function eventOf(eventType: string, userId: string, connectionId: string, at: number): PostedEvent {
  return {
    webhookId: randomUUID(),
    eventType,
    eventTimestamp: new Date(at).toISOString().replace("Z", "000+00:00"),
    userId,
    brokerageAuthorizationId: connectionId,
  };
}

/** The signed request for an event. */
export function signed(event: object): { body: string; signature: string } {
  return {
    body: writeBody(event, "compact"),
    signature: signEvent(settings.SNAPTRADE_CONSUMER_KEY ?? "", event),
  };
}

/** Sends requests over keep-alive connections. @returns the answer's status, or null if none came */
export function createSender(baseUrl: string, parallel: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  function send(
    method: string,
    path: string,
    body = "",
    headers: Record<string, string> = {},
  ): Promise<number | null> {
    return new Promise((resolve) => {
      const outgoing = request(
        `${baseUrl}${path}`,
        {
          method,
          agent,
          headers: {
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(body),
            ...headers,
          },
        },
        (answer) => {
          answer.resume();
          answer.once("end", () => resolve(answer.statusCode ?? null));
          answer.once("error", () => resolve(null));
        },
      );
      outgoing.once("error", () => resolve(null));
      outgoing.end(body);
    });
  }
  return {
    send,
    post: ({ body, signature }: { body: string; signature: string }) =>
      send("POST", "/api/webhooks/snaptrade", body, { Signature: signature }),
    close: () => agent.destroy(),
  };
}
