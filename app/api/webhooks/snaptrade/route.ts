import { after } from "next/server";
import { receiveEvent, type Receipt } from "@/lib/webhooks/inbox";
import { workAfterAnswer } from "@/lib/webhooks/process";
import { recordSender, waitOf } from "@/lib/webhooks/senders";
import { networkOf } from "@/lib/base/client-address";
import { clientAddressHeader } from "@/lib/server/gate";
import { readBody } from "@/lib/server/read-body";

/** In seconds, for platforms that limit functions. Covers the answer and the processing after it. */
export const maxDuration = 60;

const maxBytes = 64 * 1024;

const answers: Record<Receipt | "too-large", () => Response> = {
  stored: () => new Response(null, { status: 204 }),
  "not-signed": () => new Response("Signature missing or wrong\n", { status: 401 }),
  "not-readable": () => new Response("Not a webhook event\n", { status: 400 }),
  "too-large": () => new Response("Body over 64 KiB\n", { status: 413 }),
  away: () =>
    new Response("Could not be stored; send it again\n", { status: 503, headers: { "Retry-After": "60" } }),
};

const tooMany = (seconds: number) =>
  new Response("Too many deliveries without a valid signature\n", {
    status: 429,
    headers: { "Retry-After": String(seconds) },
  });

/**
 * Receives SnapTrade's webhook events. Each is stored before it is answered (docs/snaptrade.md §6.8 says what
 * counts as received) and processed afterwards.
 */
export async function POST(request: Request) {
  const network = networkOf(request.headers.get(clientAddressHeader));
  const wait = waitOf(network, new Date());
  if (wait > 0) return tooMany(wait);
  const body = await readBody(request, maxBytes);
  if (!body) return answers["too-large"]();
  const receipt = await receiveEvent(body, request.headers.get("Signature"));
  await recordSender(network, receipt, new Date());
  const work = receipt === "stored" ? workAfterAnswer() : null;
  if (work) after(work);
  return answers[receipt]();
}
