import type { PortalFailure } from "@/lib/connections/views";
import type { PortalView } from "@/lib/connections/views";
import type { FigureState } from "@/components/ui/link-figure";

/** What a button in the result stands for. */
export type ResultAction = "again" | "later" | "different-login" | "keep-both" | "notify-when-back";

/** What happened, whether anything changed, and the next steps. */
export interface FailureText {
  figure: FigureState;
  title: string;
  sentence: string;
  primary: [ResultAction, string];
  secondary: [ResultAction, string] | null;
}

/** Shown after the person asks to be notified. */
export const notifiedSentence = (b: string) => `We’ll e-mail you when it’s worth trying ${b} again.`;

/** What the person went to the portal for; "sign-in" means signing in again at a working connection. */
type Purpose = "connect" | "repair" | "sign-in";

export function purposeOf({ intent }: Pick<PortalView, "intent">): Purpose {
  if (intent === "connect") return "connect";
  return intent === "reconnect" ? "repair" : "sign-in";
}

/** Whether SnapTrade's page is of no further use; after any other failure it lets people try again. */
export const endsPortal = (failure: PortalFailure) => failure === "expired" || failure === "our-side";

/** @param canMail whether to offer an e-mail once it's worth trying again */
export function failureText(
  failure: PortalFailure,
  b: string,
  purpose: Purpose,
  canMail: boolean,
): FailureText {
  const unchanged = purpose === "connect" ? "No connection was made." : "Nothing was changed.";
  const broken = purpose === "repair";
  const offersMail = broken && canMail;
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
        sentence: `The username, password, or key wasn’t accepted. ${unchanged}`,
        primary: again,
        secondary: later,
      };
    case "code-refused":
      return {
        figure: "gap",
        title: "The security code wasn’t accepted",
        sentence: "Codes expire quickly. Request a new one and enter it right away.",
        primary: again,
        secondary: later,
      };
    case "key-not-allowed":
      return {
        figure: "gap",
        title: "The key isn’t allowed to read accounts",
        sentence: `In your ${b} settings, allow this API key to read accounts. Then try again.`,
        primary: again,
        secondary: later,
      };
    case "brokerage-unreachable":
      return {
        figure: "trouble",
        title: `${b} can’t be reached right now`,
        sentence: offersMail
          ? `Your login isn’t the cause. ${unchanged} We can e-mail you when it’s worth trying again.`
          : `Your login isn’t the cause. ${unchanged} It’s often worth trying again in an hour.`,
        primary: offersMail ? ["notify-when-back", "E-mail me when it’s back"] : ["again", "Try again now"],
        secondary: offersMail ? ["again", "Try again now"] : later,
      };
    case "expired":
      return {
        figure: "gap",
        title: "That sign-in page has expired",
        sentence: `For your security, each page works once and expires after five minutes. ${unchanged} Opening a new one takes a second.`,
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
          "The sign-in page couldn’t be opened. Your login isn’t the cause, and we’ve logged the problem.",
        primary: again,
        secondary: ["later", "Close"],
      };
    case "second-connection":
      return {
        figure: "gap",
        title: `A second ${b} connection was made`,
        sentence: `The old one ${broken ? "still needs reconnecting" : "hasn’t changed"}. Keep both only if they’re different logins.`,
        primary: ["again", broken ? "Reconnect the old one" : "Sign in to the old one"],
        secondary: ["keep-both", "Keep both"],
      };
    case "unexplained":
      return {
        figure: "gap",
        title: {
          connect: `${b} wasn’t connected`,
          repair: `${b} wasn’t reconnected`,
          "sign-in": `You weren’t signed in to ${b} again`,
        }[purpose],
        sentence: `SnapTrade gave a reason that we can’t explain yet. ${unchanged}`,
        primary: again,
        secondary: later,
      };
  }
}
