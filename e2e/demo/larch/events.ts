import { Webhook } from "standardwebhooks";

export interface ReceivedEvent {
  id: string;
  type: string;
  /** Larch's id of the person. */
  user: string | null;
  brokerage: string;
  receivedAt: string;
}

interface EventBody {
  type: string;
  data: { user?: { external_id: string | null }; connection?: { brokerage: { name: string } } };
}

const maxKept = 50;

/** What an endpoint for events needs: it verifies each, and keeps the newest once. */
export function eventReceiver(signingSecret: string) {
  const webhook = new Webhook(signingSecret);
  const received: ReceivedEvent[] = [];
  return {
    receivedAbout: (externalId: string) => received.filter(({ user }) => user === externalId),
    /** @throws if the signature is wrong or too old */
    receive(body: string, headers: Record<string, string>): void {
      const { type, data } = webhook.verify(body, headers) as EventBody;
      const id = headers["webhook-id"] ?? "";
      // An event may come more than once.
      if (received.some((event) => event.id === id)) return;
      const brokerage = data.connection?.brokerage.name ?? "";
      const user = data.user?.external_id ?? null;
      received.unshift({ id, type, user, brokerage, receivedAt: new Date().toISOString() });
      received.length = Math.min(received.length, maxKept);
    },
  };
}
