import { escapeHtml } from "@/lib/base/escape-html";

/** Who the e-mail is from, and the brand colors as hex values. */
export interface MailSender {
  appName: string;
  colors: { fill: string; onFill: string };
}

interface Link {
  text: string;
  link: string;
}

/** What an e-mail says, as plain text; only `picture` is HTML. */
interface MailContent {
  title: string;
  picture?: string;
  paragraphs: string[];
  buttons: Link[];
  facts?: [name: string, values: string[]][];
  /** How the reader can tell that the e-mail is real. */
  real: string;
  /** Why the reader gets this e-mail. */
  why: string;
  footerLinks?: Link[];
}

const font = "font-family:Arial,sans-serif";

/** Dark colors are in a style sheet; a mail program that ignores it shows the complete light version. */
const dark = `@media (prefers-color-scheme:dark){.page{background:#101417!important}.card{background:#1b2125!important;border-color:#333c42!important}.ink{color:#eef1f3!important}.soft{color:#b7c0c6!important}.line{border-color:#333c42!important}}`;

/**
 * Puts the content of an e-mail into the frame that all our e-mails share: header, heading, body, and footer.
 * The result is complete without images, and readable in light and dark mode.
 * @returns the plain text and the HTML, with everything but `picture` escaped
 */
export function frameMail(sender: MailSender, content: MailContent): { text: string; html: string } {
  return { text: textOf(content), html: htmlOf(sender, content) };
}

function textOf({ paragraphs, buttons, facts = [], real, why, footerLinks = [] }: MailContent): string {
  return [
    "Hello,",
    ...paragraphs,
    ...buttons.map(({ text, link }) => `${text}: ${link}`),
    ...facts.map(([name, values]) => `${name}: ${values.join(", ")}`),
    `How to know this e-mail is real. ${real}`,
    why,
    ...footerLinks.map(({ text, link }) => `${text}: ${link}`),
  ].join("\n\n");
}

function htmlOf({ appName, colors }: MailSender, content: MailContent): string {
  const { title, picture, paragraphs, buttons, facts = [], real, why, footerLinks = [] } = content;
  const paragraph = (text: string) =>
    `<p class="soft" style="margin:0 0 16px;${font};font-size:17px;line-height:27px;color:#2b3a42">${escapeHtml(text)}</p>`;
  const button = ({ text, link }: Link) =>
    `<p style="margin:8px 0 20px"><a href="${escapeHtml(link)}" style="display:inline-block;padding:15px 24px;border-radius:8px;background:${colors.fill};color:${colors.onFill};${font};font-weight:bold;font-size:17px;line-height:22px;text-decoration:none">${escapeHtml(text)}</a></p>`;
  const fact = ([name, values]: [string, string[]]) =>
    `<tr><th class="soft line" scope="row" align="left" valign="top" width="120" style="padding:14px 12px 14px 0;border-top:1px solid #dde3e6;${font};font-weight:normal;font-size:16px;line-height:24px;color:#56636b">${escapeHtml(name)}</th><td class="ink line" style="padding:14px 0;border-top:1px solid #dde3e6;${font};font-size:16px;line-height:24px;color:#14212a">${values.map(escapeHtml).join("<br>")}</td></tr>`;
  const footerLink = ({ text, link }: Link) =>
    `<a class="soft" href="${escapeHtml(link)}" style="color:#56636b">${escapeHtml(text)}</a>`;
  const footer = [escapeHtml(why), footerLinks.map(footerLink).join(" · ")].filter(Boolean).join(" ");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${escapeHtml(title)}</title><style>${dark}</style></head>
<body class="page" style="margin:0;background:#f4f6f7"><main>
<table class="page" role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f6f7"><tr><td align="center" style="padding:32px 16px">
<table class="card" role="presentation" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px;background:#ffffff;border:1px solid #dde3e6;border-radius:12px"><tr><td style="padding:36px 40px">
<p class="ink" style="margin:0 0 28px;${font};font-weight:bold;font-size:18px;line-height:24px;color:#14212a"><span style="display:inline-block;width:24px;height:24px;line-height:24px;margin-right:10px;border-radius:7px;background:${colors.fill};color:${colors.onFill};text-align:center;font-size:14px">${escapeHtml(appName.slice(0, 1))}</span>${escapeHtml(appName)}</p>${picture ? `\n${picture}` : ""}
<h1 class="ink" style="margin:28px 0 18px;${font};font-size:25px;line-height:32px;color:#14212a">${escapeHtml(title)}</h1>
${paragraph("Hello,")}${paragraphs.map(paragraph).join("")}${buttons.map(button).join("")}
<table width="100%" cellpadding="0" cellspacing="0" style="margin-top:8px">${facts.map(fact).join("")}</table>
<p class="soft line" style="margin:0;padding-top:16px;border-top:1px solid #dde3e6;${font};font-size:15px;line-height:24px;color:#56636b"><strong class="ink" style="color:#14212a">How to know this e-mail is real.</strong> ${escapeHtml(real)}</p>
</td></tr></table>
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px"><tr><td class="soft" style="padding:18px 8px;${font};font-size:14px;line-height:21px;color:#56636b">${footer}</td></tr></table>
</td></tr></table></main></body></html>`;
}
