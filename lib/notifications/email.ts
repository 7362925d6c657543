import { dayAndTime, type Viewer } from "@/lib/base/times";
import { frameMail, type MailSender } from "@/lib/mail-frame";
import type { NoticeKind } from "./rules";

/** One connection that an e-mail is about. */
export interface MailItem {
  brokerage: string;
  accounts: { name: string; lastDigits: string | null }[];
  access: "read" | "trade";
  brokeAt: Date;
  endedAt: Date | null;
  dataAsOf: Date | null;
  /** The e-mail had to wait until the brokerage was back. */
  wasHeld: boolean;
  /** The URL of the button. */
  link: string;
}

/** What all e-mails to this person have in common. */
interface MailContext extends MailSender {
  appUrl: string;
  unsubscribeUrl: string;
  viewer: Viewer;
  now: Date;
}

export interface ComposedMail {
  subject: string;
  text: string;
  html: string;
}

/**
 * Composes the e-mail about one connection, or about several of the same kind. Its buttons lead to our own
 * pages, behind sign-in.
 */
export function composeMail(kind: NoticeKind, items: MailItem[], context: MailContext): ComposedMail {
  const [only] = items;
  const subject = subjectOf(kind, items);
  const paragraphs =
    items.length === 1 && only ? storyOf(kind, only, context) : storyOfSeveral(kind, items, context);
  const facts = items.length === 1 && only ? factsOf(kind, only) : [];
  const buttons = items.map(({ brokerage, link }) => ({
    text: kind === "fixed" ? `See ${brokerage}` : `Reconnect ${brokerage}`,
    link,
  }));
  const { host } = new URL(context.appUrl);
  const real = `It never asks for a password. The link opens ${host}, where you sign in to ${context.appName} first. You can also go there yourself and choose Connections.`;
  const why =
    "We e-mail you when one of your connections stops and, unless you chose fewer e-mails, again after 3 and 7 days and when it works again.";
  const footerLinks = [
    { text: "E-mail settings", link: `${context.appUrl}/notifications` },
    { text: "Unsubscribe", link: context.unsubscribeUrl },
  ];
  const content = {
    title: subject,
    picture: lineOf(kind),
    paragraphs,
    buttons,
    facts,
    real,
    why,
    footerLinks,
  };
  return { subject, ...frameMail(context, content) };
}

function storyOfSeveral(kind: NoticeKind, items: MailItem[], { appName }: MailContext): string[] {
  if (kind === "fixed")
    return [
      `SnapTrade confirmed that they are sharing data with ${appName} again. New data will arrive with SnapTrade’s next update.`,
    ];
  const held = items.some(({ wasHeld }) => wasHeld)
    ? ["Reconnecting wasn’t possible for a while, so we waited to send this. You can try now."]
    : [];
  const again =
    "Sign in again, and these connections pick up where they left off, with the same accounts and history.";
  return [`They stopped sharing new data with ${appName}.`, ...held, again];
}

function subjectOf(kind: NoticeKind, items: MailItem[]): string {
  const [only] = items;
  const b = only?.brokerage ?? "";
  if (items.length > 1) {
    if (kind === "when-back") return `${items.length} connections can be reconnected now`;
    if (kind === "fixed") return `${items.length} connections work again`;
    return kind === "broke"
      ? `${items.length} connections need reconnecting`
      : `Reminder: ${items.length} connections need reconnecting`;
  }
  if (kind === "fixed") return `Your ${b} connection works again`;
  if (kind === "when-back") return `${b} is back: you can reconnect now`;
  if (kind === "broke")
    return only?.wasHeld ? `${b} is back: you can reconnect now` : `Your ${b} connection needs reconnecting`;
  return `Reminder: your ${b} connection needs reconnecting`;
}

function storyOf(
  kind: NoticeKind,
  { brokerage: b, brokeAt, endedAt, dataAsOf, wasHeld }: MailItem,
  { appName, viewer, now }: MailContext,
): string[] {
  if (kind === "fixed") {
    return [
      `SnapTrade confirmed${endedAt ? ` on ${dayAndTime(viewer, endedAt, now)}` : ""} that ${b} is sharing data with ${appName} again. New data will arrive with SnapTrade’s next update.`,
    ];
  }
  const since = `${b} stopped sharing new data with ${appName} on ${dayAndTime(viewer, brokeAt, now)}.`;
  const data = dataAsOf
    ? ` What you see in ${appName} is from ${dayAndTime(viewer, dataAsOf, now)} and won’t change until you reconnect.`
    : "";
  const held = wasHeld
    ? [`${b} couldn’t be reconnected for a while, so we waited to send this. You can try now.`]
    : [];
  const asked =
    kind === "when-back"
      ? [`You asked us to let you know when it’s worth trying ${b} again. You can try now.`]
      : [];
  return [
    `${since}${data}`,
    ...asked,
    ...(kind === "when-back" ? [] : held),
    "Sign in again, and this connection picks up where it left off, with the same accounts and history.",
  ];
}

function factsOf(kind: NoticeKind, { accounts, access }: MailItem): [string, string[]][] {
  const named = accounts.map(({ name, lastDigits }) => (lastDigits ? `${name} •• ${lastDigits}` : name));
  const facts: [string, string[]][] = [];
  // Our stored copy may predate the repair, so a receipt doesn't vouch for it.
  if (named.length > 0 && kind !== "fixed") facts.push(["Accounts", named]);
  facts.push(["Access", [access === "trade" ? "Read and trade" : "Read only"]]);
  if (kind !== "fixed")
    facts.push(["Why", ["SnapTrade doesn’t say. Usually, a sign-in just expires after a few weeks."]]);
  return facts;
}

/** Draws the connection as a line between two dots, broken or whole, using only borders. */
function lineOf(kind: NoticeKind): string {
  const color = kind === "fixed" ? "#1f8a5b" : "#c26f10";
  const stretch = `<td valign="middle" style="font-size:0;line-height:0"><div style="border-top:3px solid ${color};height:0">&nbsp;</div></td>`;
  const gap = kind === "fixed" ? "" : `<td width="40" style="font-size:0;line-height:0">&nbsp;</td>`;
  const dot = (filled: boolean) =>
    `<td width="12" valign="middle" style="font-size:0;line-height:0"><span style="display:block;width:8px;height:8px;border:2px solid ${color};border-radius:8px${filled ? `;background:${color}` : ""}">&nbsp;</span></td>`;
  return `<table role="presentation" aria-hidden="true" width="100%" cellpadding="0" cellspacing="0"><tr>${dot(true)}${stretch}${gap}${stretch}${dot(kind === "fixed")}</tr></table>`;
}
