import Link from "next/link";

export function SiteFooter({ appName, className }: { appName: string; className: string }) {
  return (
    <footer
      className={`mx-auto mt-16 flex w-full flex-wrap justify-between gap-x-8 gap-y-3 px-4 pb-14 text-small text-ink-3 wide:mt-20 wide:px-6 ${className}`}
    >
      <p className="max-w-[90ch] flex-1 basis-[420px] max-wide:basis-full">
        Connections by SnapTrade. You sign in with SnapTrade or your brokerage; {appName} never asks for or
        stores your brokerage password.
      </p>
      <Link
        href="/how-this-works"
        prefetch={false}
        className="text-ink-2 underline decoration-line-strong underline-offset-4"
      >
        How this works
      </Link>
    </footer>
  );
}
