import type { PortalFailure } from "@/lib/connections/views";
import type { PortalView } from "@/lib/connections/views";
import type { FigureState } from "@/components/ui/link-figure";

/**
 * What a button of the result does: try the same again, leave it for later, connect another login, keep both
 * connections, be told when it is worth trying.
 */
export type ResultAction = "again" | "later" | "different-login" | "keep-both" | "notify-when-back";

export interface Words {
  figure: FigureState;
  title: string;
  sentence: string;
  primary: [ResultAction, string];
  secondary: [ResultAction, string] | null;
}

/** After asking to be told. */
export const notifiedSentence = (b: string) => `We’ll e-mail you when it’s worth trying ${b} again.`;

/** What the person went to the portal for: to connect, to repair, or to sign in again at one that works. */
export type Errand = "connect" | "repair" | "sign-in";

export function errandOf({ intent }: Pick<PortalView, "intent">): Errand {
  if (intent === "connect") return "connect";
  return intent === "reconnect" ? "repair" : "sign-in";
}

/**
 * After these SnapTrade's page has nothing more to offer; after every other refusal it lets people try again.
 */
export const endsPortal = (failure: PortalFailure) => failure === "expired" || failure === "our-side";

/**
 * What happened, that nothing was changed, and one next step; for each failure that the server has concluded.
 */
export function failureWords(failure: PortalFailure, b: string, errand: Errand): Words {
  const unchanged = errand === "connect" ? "No connection was made." : "Nothing was changed.";
  const broken = errand === "repair";
  const again: [ResultAction, string] = ["again", "Try again"];
  const later: [ResultAction, string] = ["later", "Later"];
  switch (failure) {
    case "different-login":
      return {
        figure: "different",
        title: `That was a different ${b} login`,
        sentence: "This connection only works with the login that holds these accounts. Nothing was changed.",
        primary: ["again", "Try the original login"],
        secondary: ["different-login", "Use the other login"],
      };
    case "sign-in-refused":
      return {
        figure: "gap",
        title: `${b} didn’t accept the sign-in`,
        sentence: `The user name, password or key wasn’t accepted. ${unchanged}`,
        primary: again,
        secondary: later,
      };
    case "code-refused":
      return {
        figure: "gap",
        title: "The security code wasn’t accepted",
        sentence: "Codes run out quickly. Ask for a new one and type it straight away.",
        primary: again,
        secondary: later,
      };
    case "key-not-allowed":
      return {
        figure: "gap",
        title: "The key isn’t allowed to read accounts",
        sentence: `Give this API key permission to read at ${b}, then try again.`,
        primary: again,
        secondary: later,
      };
    case "brokerage-unreachable":
      return {
        figure: "trouble",
        title: `${b} can’t be reached right now`,
        sentence: broken
          ? `This isn’t about your login. ${unchanged} We can e-mail you when it’s worth trying again.`
          : `This isn’t about your login. ${unchanged} It is often worth trying again in an hour.`,
        primary: broken ? ["notify-when-back", "E-mail me when it’s back"] : ["again", "Try again now"],
        secondary: broken ? ["again", "Try again now"] : later,
      };
    case "expired":
      return {
        figure: "gap",
        title: "That sign-in page has expired",
        sentence: `For safety each page works once and for five minutes. ${unchanged} A new one takes a second.`,
        primary: ["again", "Open a new one"],
        secondary: later,
      };
    case "not-finished":
      return {
        figure: "gap",
        title: "The sign-in wasn’t finished",
        sentence: broken
          ? `The page was closed before ${b} answered. Nothing was changed, and ${b} still needs reconnecting.`
          : `The page was closed before ${b} answered. ${unchanged}`,
        primary: ["again", "Start again"],
        secondary: later,
      };
    case "no-word":
      return {
        figure: "gap",
        title: "We don’t know how the sign-in ended",
        sentence: broken
          ? `SnapTrade sent you back without a result, and it still shows ${b} as stopped. If you finished signing in, this page will update on its own.`
          : `SnapTrade sent you back without a result. If you finished signing in, this page will update on its own.`,
        primary: ["again", "Sign in again"],
        secondary: later,
      };
    case "gone":
      return {
        figure: "gap",
        title: `This ${b} connection no longer exists`,
        sentence:
          "SnapTrade has deleted it, so it can’t be reconnected. Connect the brokerage again to see its accounts here.",
        primary: ["different-login", `Connect ${b} again`],
        secondary: later,
      };
    case "no-new-connection":
      return {
        figure: "gap",
        title: "No new connection was made",
        sentence: `You signed in, but SnapTrade shows no new ${b} connection. This login is probably connected already.`,
        primary: ["later", "See your connections"],
        secondary: again,
      };
    case "our-side":
      return {
        figure: "trouble",
        title: "Something went wrong on our side",
        sentence:
          "The sign-in page couldn’t be opened. This isn’t about your login, and it has been noted for us.",
        primary: again,
        secondary: ["later", "Close"],
      };
    case "second-connection":
      return {
        figure: "gap",
        title: `A second ${b} connection was made`,
        sentence: `The old one ${broken ? "still needs reconnecting" : "is as it was"}. Keep both only if they are different logins.`,
        primary: ["again", broken ? "Reconnect the old one" : "Sign in to the old one"],
        secondary: ["keep-both", "Keep both"],
      };
    case "unexplained":
      return {
        figure: "gap",
        title: `${b} wasn’t ${{ connect: "connected", repair: "reconnected", "sign-in": "signed in again" }[errand]}`,
        sentence: `SnapTrade gave a reason we can’t explain better yet. ${unchanged}`,
        primary: again,
        secondary: later,
      };
  }
}
