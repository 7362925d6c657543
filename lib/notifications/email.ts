import { dayAndTime, type Viewer } from "@/lib/base/times";
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
  /** Where the button leads. */
  link: string;
}

export interface MailFrame {
  appName: string;
  appUrl: string;
  colors: { fill: string; onFill: string };
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
 * pages, behind sign-in; it needs no images and adapts to dark mode.
 */
export function composeMail(kind: NoticeKind, items: MailItem[], frame: MailFrame): ComposedMail {
  const [only] = items;
  const subject = subjectOf(kind, items);
  const paragraphs =
    items.length === 1 && only ? storyOf(kind, only, frame) : storyOfSeveral(kind, items, frame);
  const facts = items.length === 1 && only ? factsOf(kind, only) : [];
  const buttons = items.map(({ brokerage, link }) => ({
    text: kind === "fixed" ? `See ${brokerage}` : `Reconnect ${brokerage}`,
    link,
  }));
  const { host } = new URL(frame.appUrl);
  const real = `It never asks for a password. The link opens ${host}, where you sign in to ${frame.appName} first. You can also go there yourself and choose Connections.`;
  const why =
    "We e-mail you when one of your connections stops and, unless you chose fewer e-mails, again after 3 and 7 days and when it works again.";
  const text = [
    "Hello,",
    ...paragraphs,
    ...buttons.map(({ text, link }) => `${text}: ${link}`),
    ...facts.map(([name, values]) => `${name}: ${values.join(", ")}`),
    `How to know this e-mail is real. ${real}`,
    why,
    `E-mail settings: ${frame.appUrl}/notifications`,
    `Unsubscribe: ${frame.unsubscribeUrl}`,
  ].join("\n\n");
  return { subject, text, html: htmlOf({ kind, subject, paragraphs, buttons, facts, real, why, frame }) };
}

function storyOfSeveral(kind: NoticeKind, items: MailItem[], { appName }: MailFrame): string[] {
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
  { appName, viewer, now }: MailFrame,
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

interface Parts {
  kind: NoticeKind;
  subject: string;
  paragraphs: string[];
  buttons: { text: string; link: string }[];
  facts: [string, string[]][];
  real: string;
  why: string;
  frame: MailFrame;
}

const escape = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const font = "font-family:Arial,sans-serif";

/** A mail program that ignores style sheets shows the light e-mail. */
const dark = `@media (prefers-color-scheme:dark){.page{background:#101417!important}.card{background:#1b2125!important;border-color:#333c42!important}.ink{color:#eef1f3!important}.soft{color:#b7c0c6!important}.line{border-color:#333c42!important}}`;

function htmlOf({ kind, subject, paragraphs, buttons, facts, real, why, frame }: Parts): string {
  const { appName, colors, appUrl, unsubscribeUrl } = frame;
  const paragraph = (text: string) =>
    `<p class="soft" style="margin:0 0 16px;${font};font-size:17px;line-height:27px;color:#2b3a42">${escape(text)}</p>`;
  const button = ({ text, link }: { text: string; link: string }) =>
    `<p style="margin:8px 0 20px"><a href="${escape(link)}" style="display:inline-block;padding:15px 24px;border-radius:8px;background:${colors.fill};color:${colors.onFill};${font};font-weight:bold;font-size:17px;line-height:22px;text-decoration:none">${escape(text)}</a></p>`;
  const fact = ([name, values]: [string, string[]]) =>
    `<tr><th class="soft line" scope="row" align="left" valign="top" width="120" style="padding:14px 12px 14px 0;border-top:1px solid #dde3e6;${font};font-weight:normal;font-size:16px;line-height:24px;color:#56636b">${escape(name)}</th><td class="ink line" style="padding:14px 0;border-top:1px solid #dde3e6;${font};font-size:16px;line-height:24px;color:#14212a">${values.map(escape).join("<br>")}</td></tr>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${escape(subject)}</title><style>${dark}</style></head>
<body class="page" style="margin:0;background:#f4f6f7"><main>
<table class="page" role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f6f7"><tr><td align="center" style="padding:32px 16px">
<table class="card" role="presentation" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px;background:#ffffff;border:1px solid #dde3e6;border-radius:12px"><tr><td style="padding:36px 40px">
<p class="ink" style="margin:0 0 28px;${font};font-weight:bold;font-size:18px;line-height:24px;color:#14212a"><span style="display:inline-block;width:24px;height:24px;line-height:24px;margin-right:10px;border-radius:7px;background:${colors.fill};color:${colors.onFill};text-align:center;font-size:14px">${escape(appName.slice(0, 1))}</span>${escape(appName)}</p>
${lineOf(kind)}
<h1 class="ink" style="margin:28px 0 18px;${font};font-size:25px;line-height:32px;color:#14212a">${escape(subject)}</h1>
${paragraph("Hello,")}${paragraphs.map(paragraph).join("")}${buttons.map(button).join("")}
<table width="100%" cellpadding="0" cellspacing="0" style="margin-top:8px">${facts.map(fact).join("")}</table>
<p class="soft line" style="margin:0;padding-top:16px;border-top:1px solid #dde3e6;${font};font-size:15px;line-height:24px;color:#56636b"><strong class="ink" style="color:#14212a">How to know this e-mail is real.</strong> ${escape(real)}</p>
</td></tr></table>
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px"><tr><td class="soft" style="padding:18px 8px;${font};font-size:14px;line-height:21px;color:#56636b">${escape(why)} <a class="soft" href="${escape(appUrl)}/notifications" style="color:#56636b">E-mail settings</a> · <a class="soft" href="${escape(unsubscribeUrl)}" style="color:#56636b">Unsubscribe</a></td></tr></table>
</td></tr></table></main></body></html>`;
}

/** The connection as a line between two dots, broken or whole, made of table borders. */
function lineOf(kind: NoticeKind): string {
  const color = kind === "fixed" ? "#1f8a5b" : "#c26f10";
  const stretch = `<td valign="middle" style="font-size:0;line-height:0"><div style="border-top:3px solid ${color};height:0">&nbsp;</div></td>`;
  const gap = kind === "fixed" ? "" : `<td width="40" style="font-size:0;line-height:0">&nbsp;</td>`;
  const dot = (filled: boolean) =>
    `<td width="12" valign="middle" style="font-size:0;line-height:0"><span style="display:block;width:8px;height:8px;border:2px solid ${color};border-radius:8px${filled ? `;background:${color}` : ""}">&nbsp;</span></td>`;
  return `<table role="presentation" aria-hidden="true" width="100%" cellpadding="0" cellspacing="0"><tr>${dot(true)}${stretch}${gap}${stretch}${dot(kind === "fixed")}</tr></table>`;
}
