import { Icon, type IconName } from "@/components/ui/icon";
import { LinkFigure } from "@/components/ui/link-figure";
import { EmptyTile } from "@/components/ui/tile";
import { ConnectLink } from "./page-summary";

export function EmptyConnections({ appName }: { appName: string }) {
  const promises: { icon: IconName; strong: string; rest: string }[] = [
    {
      icon: "lock",
      strong: `Your password stays out of ${appName}.`,
      rest: "You enter it on SnapTrade’s or your brokerage’s page.",
    },
    { icon: "eye", strong: "Read only.", rest: `${appName} sees balances, holdings, and transactions.` },
    {
      icon: "rotate",
      strong: "If it stops, you’ll see it here.",
      rest: "Sign in again, and it picks up where it left off.",
    },
  ];
  return (
    <div className="max-w-[620px] pt-6 wide:pt-11">
      <div className="max-w-[340px]">
        <LinkFigure state="empty" tile={<EmptyTile />} />
      </div>
      <h1 className="mt-9 text-[1.75rem] leading-[2.125rem] font-[560] tracking-[-0.024em] wide:text-display">
        Connect your first brokerage
      </h1>
      <p className="mt-2.5 text-lead text-ink-2">
        {appName} can then show your balances, holdings, and transactions. You can remove the connection at
        any time.
      </p>
      <div className="mt-6">
        <ConnectLink primary plain={false} />
      </div>
      <ul className="mt-12 border-t border-line">
        {promises.map(({ icon, strong, rest }) => (
          <li key={icon} className="flex gap-3.5 border-b border-line py-3.5">
            <Icon name={icon} className="mt-1 text-ink-3" />
            <p>
              <strong className="font-semibold">{strong}</strong> <span className="text-ink-2">{rest}</span>
            </p>
          </li>
        ))}
      </ul>
    </div>
  );
}
