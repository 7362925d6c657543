import { isoTime } from "../world/clock";
import type { Attempt, Delivery, ReleaseOrder, WebhookEvent, WebhookSender, World } from "../world/model";
import type { Settings } from "../world/settings";
import { signEvent, writeBody } from "./body";

const kept = 2000;
const gapsMinutes = [30, 60, 120];
const accepted = [200, 201, 202, 204];

/** Sends events to the partner's one listener, as reliably or unreliably as the settings say. */
export class Deliveries implements WebhookSender {
  url: string | null = null;
  private readonly list: Delivery[] = [];
  private readonly waiting = new Set<() => void>();
  /**
   * The last delivery per user. SnapTrade promises no order, but a demonstration without any would confuse
   * people.
   */
  private readonly lines = new Map<string, Promise<void>>();

  constructor(private readonly world: World) {}

  all(userId?: string): Delivery[] {
    return userId === undefined ? this.list : this.list.filter(({ event }) => event.userId === userId);
  }

  /** Queues an event that has just happened. */
  add(event: WebhookEvent) {
    const settings = this.settingsOf(event);
    if (this.url === null || settings.webhooks === "off") return;
    for (let copy = 0; copy < settings.webhookCopies; copy++) {
      const delivery: Delivery = { id: this.world.chance.uuid(), event, state: "held", attempts: [] };
      this.list.push(delivery);
      if (this.list.length > kept) this.list.shift();
      if (this.world.outside.random() * 100 < settings.webhookLossPercent) delivery.state = "dropped";
      else if (settings.webhooks === "send")
        this.later(settings.webhookDelayMs, () => void this.send(delivery));
    }
  }

  /** Sends one now, whatever its state; resending a delivered one makes a duplicate. */
  send(delivery: Delivery): Promise<void> {
    delivery.state = "under way";
    const { userId } = delivery.event;
    const sent = (this.lines.get(userId) ?? Promise.resolve()).then(() => this.attempt(delivery));
    this.lines.set(userId, sent);
    return sent;
  }

  /** Sends the held deliveries in this order, each after the previous one was answered. */
  async release(order: ReleaseOrder, userId?: string): Promise<number> {
    const held = this.all(userId).filter(({ state }) => state === "held");
    if (order === "newest") held.reverse();
    if (order === "random") held.sort(() => this.world.outside.random() - 0.5);
    for (const delivery of held) await this.send(delivery);
    return held.length;
  }

  clear() {
    this.cancel();
    this.list.length = 0;
  }

  /** Cancels everything that has not been sent yet. */
  close() {
    this.cancel();
    this.url = null;
  }

  private cancel() {
    for (const cancelTimer of this.waiting) cancelTimer();
    this.waiting.clear();
  }

  private settingsOf({ userId }: WebhookEvent): Settings {
    return this.world.settingsOf(this.world.users.get(userId));
  }

  private async attempt(delivery: Delivery): Promise<void> {
    const { url } = this;
    if (url === null) return;
    const settings = this.settingsOf(delivery.event);
    const attempt = await this.post(url, this.compose(delivery, settings), settings.webhookTimeoutMs);
    delivery.attempts.push(attempt);
    if (attempt.status !== null && accepted.includes(attempt.status)) delivery.state = "delivered";
    else this.retry(delivery, settings);
  }

  private retry(delivery: Delivery, settings: Settings) {
    const gap = gapsMinutes[delivery.attempts.length - 1];
    if (gap === undefined || delivery.attempts.length > settings.webhookRetries) {
      delivery.state = "given up";
      return;
    }
    delivery.state = "waiting for retry";
    this.later((gap * 60_000) / settings.webhookRetrySpeed, () => void this.send(delivery));
  }

  private compose(
    { event, attempts }: Delivery,
    settings: Settings,
  ): { body: string; signature: string | null } {
    const renewed = attempts.length > 0 && settings.webhookRetryTimestamp === "renewed";
    const sent = {
      ...event,
      ...(renewed ? { eventTimestamp: isoTime(this.world.now(this.world.users.get(event.userId))) } : {}),
      ...(settings.webhookSecret ? { webhookSecret: "emulated-shared-secret" } : {}),
    };
    const { consumerKey } = this.world.partner;
    const signatures = {
      right: signEvent(consumerKey, sent),
      wrong: signEvent(consumerKey, { ...sent, eventType: "SOMETHING_ELSE" }),
      "other-key": signEvent(`${consumerKey}-of-somebody-else`, sent),
      missing: null,
    };
    return { body: writeBody(sent, settings.webhookBody), signature: signatures[settings.webhookSignature] };
  }

  private later(ms: number, act: () => void) {
    if (ms === 0) {
      act();
      return;
    }
    const cancelTimer = this.world.outside.after(ms, () => {
      this.waiting.delete(cancelTimer);
      act();
    });
    this.waiting.add(cancelTimer);
  }

  private async post(
    url: string,
    { body, signature }: { body: string; signature: string | null },
    timeoutMs: number,
  ): Promise<Attempt> {
    const { clock, post } = this.world.outside;
    const startedAt = clock();
    const headers = {
      "Content-Type": "application/json",
      ...(signature === null ? {} : { Signature: signature }),
    };
    const sent = { at: isoTime(startedAt), body, signature };
    try {
      const status = await post(url, { body, headers, timeoutMs });
      return { ...sent, status, error: null, ms: clock() - startedAt };
    } catch (error) {
      return {
        ...sent,
        status: null,
        error: error instanceof Error ? error.name : "unknown",
        ms: clock() - startedAt,
      };
    }
  }
}
