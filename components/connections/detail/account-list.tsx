import type { AccountView } from "@/lib/connections/views";

/** Accounts as their owner knows them: by name and last digits. */
export function AccountList({ accounts, strong = false }: { accounts: AccountView[]; strong?: boolean }) {
  return (
    <ul className="text-body">
      {accounts.map(({ id, name, lastDigits }) => (
        <li
          key={id}
          className="flex items-baseline justify-between gap-4 border-b border-line py-1.5 last:border-b-0"
        >
          <span className="min-w-0 truncate">{name}</span>
          {lastDigits && (
            <span className={`digits shrink-0 ${strong ? "font-semibold" : ""}`}>
              <span aria-hidden="true" className="mr-1.5 align-middle text-[0.6em] tracking-wide">
                ••
              </span>
              <span className="sr-only">ending in </span>
              {lastDigits}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
