import Link from "next/link";
import { NavLink } from "./nav-link";
import { ShadowNote } from "./shadow-note";
import { PartnerMark } from "./ui/partner-mark";

interface Props {
  appName: string;
  email: string | null;
  /** How many notices are unread. */
  unread: number;
  signOut: () => Promise<void>;
}

export function SiteHeader({ appName, email, unread, signOut }: Props) {
  return (
    <header className="border-b border-line">
      <div className="mx-auto flex h-14 max-w-[968px] items-center gap-6 px-4 wide:h-[60px] wide:px-6">
        <Link
          href="/connections"
          prefetch={false}
          className="flex items-center gap-2.5 text-[1.0625rem] font-semibold"
        >
          <PartnerMark />
          <span className="max-phone:sr-only">{appName}</span>
        </Link>
        <nav aria-label="Main" className="flex h-full gap-5 wide:ml-4">
          <NavLink href="/connections">Connections</NavLink>
          <NavLink href="/notifications">
            Notifications
            {unread > 0 && (
              <span className="digits ml-1.5 rounded-full bg-you-soft px-1.5 text-label text-you">
                {unread}
                <span className="sr-only"> unread</span>
              </span>
            )}
          </NavLink>
        </nav>
        <button
          type="button"
          popoverTarget="account-menu"
          aria-label="Account"
          className="ml-auto inline-flex size-8 items-center justify-center rounded-full border border-line bg-surface text-[0.75rem] font-semibold text-ink-2"
        >
          {email ? initialsOf(email) : "Me"}
        </button>
        <div
          id="account-menu"
          popover="auto"
          className="fixed inset-auto top-14 right-4 m-0 w-64 rounded-card border border-line bg-surface p-4 text-ink shadow-dialog wide:right-[max(24px,calc(50vw-460px))]"
        >
          {email && <p className="truncate text-small text-ink-2">{email}</p>}
          <Link href="/account" prefetch={false} className="mt-2 flex min-h-9 items-center">
            Your account
          </Link>
          <form action={signOut}>
            <button type="submit" className="min-h-9 font-semibold">
              Sign out
            </button>
          </form>
        </div>
      </div>
      <ShadowNote className="max-w-[968px]" />
    </header>
  );
}

function initialsOf(email: string): string {
  const [name = ""] = email.split("@");
  const parts = name.split(/[._-]+/).filter(Boolean);
  return (
    parts.length > 1
      ? parts
          .slice(0, 2)
          .map((part) => part.charAt(0))
          .join("")
      : name.slice(0, 1)
  ).toUpperCase();
}
