import { after } from "next/server";
import type { PickerBrokerage } from "@/components/connections/connect/brokerage-picker";
import { isBrokerageListDue, listBrokerageChoices, readBrokerages } from "@/lib/connections/look/brokerages";
import type { ConnectionView } from "@/lib/connections/views";

/**
 * Waits for the list of brokerages only if there is none yet; an old one is renewed after the page has been sent.
 * @returns false if SnapTrade couldn't be reached
 */
export async function ensureBrokerages(now: Date): Promise<boolean> {
  const due = await isBrokerageListDue(now);
  const read = () =>
    readBrokerages(now).then(
      () => true,
      () => false,
    );
  if (due === "missing") return read();
  if (due === "due") after(read);
  return true;
}

/** The brokerages to choose from, and what this person already has there. */
export async function listPickerBrokerages(connections: ConnectionView[]): Promise<PickerBrokerage[]> {
  const choices = await listBrokerageChoices();
  return choices.map(({ maintenance, ...choice }) => {
    const there = connections.filter(
      ({ brokerage, status }) => brokerage.id === choice.id && status !== "removed",
    );
    if (there.some(({ canReconnect }) => canReconnect)) return { ...choice, state: "needs-reconnecting" };
    if (maintenance) return { ...choice, state: "maintenance" };
    return { ...choice, state: there.length > 0 ? "connected" : "open" };
  });
}
