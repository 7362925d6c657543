import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { sealSecret } from "@/lib/snaptrade/user-secret";
import type { Run } from "./fill";

interface Listed {
  snaptrade_user_id: string;
  id: string;
  brokerage_id: string;
  slug: string;
  disabled_at: Date | null;
}

const people = `
  (select user_id from snaptrade_users where gone_at is null and watched order by coalesce(greatest(looked_at, look_failed_at), '-infinity') limit 300)
  union (select user_id from snaptrade_users where gone_at is null order by next_look_at limit 300)
  union (select user_id from snaptrade_users where gone_at is null and look_due_at is not null order by look_due_at limit 300)
  union (select connections.user_id from connections join snaptrade_users using (user_id)
    where state = 'enabled' and observed_at < silent_at and silent_at < now() and gone_at is null order by silent_at desc limit 500)`;

/** A mail server that takes everything, and a SnapTrade that lists what the database already has. */
export async function startOutside() {
  const listed = new Map<string, Listed[]>();
  const snapTrade = createServer((request, response) => {
    const asked = new URL(request.url ?? "/", "http://localhost");
    const own = listed.get(asked.searchParams.get("userId") ?? "") ?? [];
    const known = asked.pathname.endsWith("/authorizations");
    response.writeHead(known ? 200 : 503, { "Content-Type": "application/json" });
    response.end(known ? JSON.stringify(own.map(shapeOf)) : "{}");
  });
  const mail = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData: (stream, _, done) => stream.on("end", () => done()).resume(),
  });
  const ports = await Promise.all([
    new Promise<number>((resolve) => {
      snapTrade.listen(0, "127.0.0.1", () => resolve((snapTrade.address() as AddressInfo).port));
    }),
    new Promise<number>((resolve) => {
      mail.listen(0, "127.0.0.1", () => resolve((mail.server.address() as AddressInfo).port));
    }),
  ]);
  process.env.SNAPTRADE_API_URL = `http://127.0.0.1:${ports[0]}`;
  process.env.SMTP_URL = `smtp://127.0.0.1:${ports[1]}`;

  /** Gives people whom the next round may look at a valid secret, and learns their connections. */
  async function admit(run: Run): Promise<void> {
    const found = (await run(
      `select user_id, snaptrade_user_id from snaptrade_users where user_id in (${people})`,
    )) as {
      rows: { user_id: string; snaptrade_user_id: string }[];
    };
    const sealed = found.rows.map(({ user_id, snaptrade_user_id }) => ({
      user_id,
      secret: sealSecret("a secret", `${user_id}/${snaptrade_user_id}`),
    }));
    await run(
      "update snaptrade_users set sealed_secret = secret from json_to_recordset($1::json) as sealed (user_id uuid, secret text) where snaptrade_users.user_id = sealed.user_id",
      [JSON.stringify(sealed)],
    );
    const own = (await run(
      `select snaptrade_user_id, connections.id, brokerage_id, slug, disabled_at from connections
       join brokerages on brokerages.id = brokerage_id join snaptrade_users using (user_id) where user_id = any($1)`,
      [sealed.map(({ user_id }) => user_id)],
    )) as { rows: Listed[] };
    listed.clear();
    for (const row of own.rows)
      listed.set(row.snaptrade_user_id, [...(listed.get(row.snaptrade_user_id) ?? []), row]);
  }

  return { admit };
}

function shapeOf({ id, brokerage_id, slug, disabled_at }: Listed) {
  return {
    id,
    created_date: "2025-09-01T00:00:00Z",
    updated_date: "2026-01-01T00:00:00Z",
    type: "read",
    brokerage: {
      id: brokerage_id,
      slug,
      name: slug,
      display_name: slug,
      enabled: true,
      maintenance_mode: false,
      is_degraded: false,
      allows_trading: false,
    },
    disabled: disabled_at !== null,
    disabled_date: disabled_at?.toISOString() ?? null,
  };
}
