import type { FixPageView } from "@/lib/fix-sessions/views";
import { listNames } from "../connections/list/headline";
import { LinkFigure, type FigureState } from "../ui/link-figure";
import { Tile } from "../ui/tile";
import { listDone } from "./done";
import { WayBack } from "./way-back";

interface Props {
  page: FixPageView;
  hasAccount: boolean;
  appName: string;
}

/** How a fix session ended; only SnapTrade's word makes it a success. */
export function FixOver({ page, hasAccount, appName }: Props) {
  const { figure, title, sentence } = textOf(page, appName);
  const first = listDone(page)[0] ?? page.connections.find(({ id }) => id === page.session.connectionId);
  return (
    <section
      aria-labelledby="over"
      className="rounded-card border border-line bg-surface p-5 shadow-card wide:p-8"
    >
      {first && <LinkFigure state={figure} tile={<Tile brokerage={first.brokerage} size={44} />} />}
      <h1 id="over" className={`text-title ${first ? "mt-8" : ""}`}>
        {title}
      </h1>
      <p className="mt-1.5 mb-6 text-ink-2">{sentence}</p>
      <WayBack page={page} hasAccount={hasAccount} appName={appName} />
    </section>
  );
}

function textOf(
  page: FixPageView,
  appName: string,
): { figure: FigureState; title: string; sentence: string } {
  const { session } = page;
  const done = listDone(page).map(({ brokerage }) => brokerage.name);
  const names = done.length > 0 ? listNames(done) : "Your connection";
  const them = done.length > 1 ? "are" : "is";
  if (session.status === "fixed")
    return {
      figure: "fixed",
      title: `${names} ${them} connected again`,
      sentence: "SnapTrade has confirmed it. New data arrives with its next update.",
    };
  if (session.status === "connected")
    return {
      figure: "fixed",
      title: `${names} ${them} connected`,
      sentence: "SnapTrade has confirmed it. New data arrives with its next update.",
    };
  const gap = { figure: "gap" as const };
  switch (session.reason) {
    case "not-needed":
      return {
        figure: "fixed",
        title: "Nothing for you to do",
        sentence: `SnapTrade says that ${session.connectionId ? "this connection works" : "your connections work"}, so there’s nothing to reconnect.`,
      };
    case "removed":
      return {
        ...gap,
        title: "This connection no longer exists",
        sentence: `SnapTrade has deleted it, so it can’t be reconnected. In ${appName}, you can connect the brokerage again.`,
      };
    case "given-up":
      return {
        ...gap,
        title: "You left this for later",
        sentence:
          done.length > 0
            ? `${names} ${them} connected again. For the rest, start again in ${appName} when you’re ready.`
            : `Nothing was changed. Start again in ${appName} when you’re ready.`,
      };
    case "replaced":
      return {
        ...gap,
        title: "There’s a newer link",
        sentence: `Go back to ${appName} and start from there.`,
      };
    default:
      return {
        ...gap,
        title: "This link has expired",
        sentence: `Each link works for a limited time. Go back to ${appName} for a new one.`,
      };
  }
}
