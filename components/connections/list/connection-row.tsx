import Link from "next/link";
import type { ConnectionView } from "@/lib/connections/views";
import { isShadow } from "@/lib/base/mode";
import { count } from "@/lib/base/times";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { Icon } from "@/components/ui/icon";
import { Tag } from "@/components/ui/tag";
import { Tile } from "@/components/ui/tile";
import { StatusMark, StatusSentence, type Reading } from "@/components/connections/status-mark";

export function ConnectionRow({ connection, reading }: { connection: ConnectionView; reading: Reading }) {
  const { id, brokerage, accounts, access } = connection;
  const title = `connection-${id}`;
  const action = isShadow() ? null : rowAction(connection);
  return (
    <li
      aria-labelledby={title}
      className="relative grid grid-cols-[40px_1fr] gap-x-4 gap-y-1 py-[18px] in-data-card:hover:bg-sunken/40 max-wide:in-data-card:px-4 wide:grid-cols-[40px_1fr_1.28fr_132px] wide:items-center wide:px-6"
    >
      <Tile
        brokerage={brokerage}
        quiet={connection.status === "removing" || connection.status === "removed"}
      />
      <div className="min-w-0">
        <h3 id={title} className="text-name">
          <Link href={`/connections/${id}`} prefetch={false} className="after:absolute after:inset-0">
            {brokerage.name}
          </Link>
        </h3>
        <p className="mt-0.5 flex flex-wrap items-center gap-2 text-small text-ink-2">
          {accounts.length > 0 && <span>{count(accounts.length, "account")}</span>}
          <Tag>{access === "trade" ? "Read and trade" : "Read only"}</Tag>
        </p>
      </div>
      <div className="col-start-2 min-w-0 wide:col-start-3">
        <StatusMark connection={connection} reading={reading} />
        <p className="mt-1 text-small text-ink-2">
          <StatusSentence connection={connection} reading={reading} />
        </p>
      </div>
      <div className="relative col-span-2 flex justify-end wide:col-span-1 wide:col-start-4">
        {action ?? <Icon name="chevron-right" className="mr-0.5 hidden text-ink-3 wide:block" />}
      </div>
    </li>
  );
}

function rowAction({ id, status, brokerage }: ConnectionView) {
  switch (status) {
    case "disabled":
    case "disabled-incident":
      return (
        <RepairButton
          target={{ kind: "reconnect", connectionId: id }}
          accessibleName={`Reconnect ${brokerage.name}`}
          label="Reconnect"
          variant="secondary"
          wide
        />
      );
    case "reconnecting":
      return (
        <RepairButton
          target={{ kind: "reconnect", connectionId: id }}
          accessibleName={`Reconnect ${brokerage.name}, continue`}
          label="Continue"
          variant="secondary"
          wide
        />
      );
    case "unsupported":
      return (
        <ButtonLink
          href={`/connections/${id}/remove`}
          aria-label={`Remove ${brokerage.name}`}
          className="mt-3 w-full wide:mt-0 wide:w-auto"
        >
          Remove
        </ButtonLink>
      );
    default:
      return null;
  }
}
