import type { Simulation } from "../simulation";

/** Checks what must be true once all trouble has ended. */
export class FinalChecks {
  constructor(private readonly simulation: Simulation) {}

  /** @param recovered whether trouble ended long enough ago for everything to be true */
  async check(recovered: boolean): Promise<void> {
    await this.poolsWork();
    if (this.simulation.violation) return;
    this.nothingAcknowledgedIsLost();
    if (!recovered) return;
    this.nothingIsUnfinished();
    this.everyoneIsKnown();
    this.nobodyIsLeftBehind();
    this.pagesTellTheTruth();
  }

  /** Every process can still use its database. */
  private async poolsWork(): Promise<void> {
    const { scheduler, processes } = this.simulation;
    const silent = new Set(processes.filter((process) => process !== null));
    const nobody = "00000000-0000-4000-8000-000000000000";
    const moment = { now: new Date(scheduler.now), dayStartedAt: new Date(0) };
    for (const process of silent)
      process.app.listConnectionViews(nobody, moment).then(
        () => silent.delete(process),
        () => undefined,
      );
    for (const endsAt = scheduler.now + 20_000; silent.size > 0 && scheduler.now < endsAt;)
      await scheduler.sleep(500);
    for (const { owner } of silent)
      this.simulation.fail(
        "no process loses its database for good",
        `${owner.name} still cannot read from it minutes after all trouble ended`,
      );
  }

  /** Every event answered with 204 is stored, and was processed or given up with a reason. */
  private nothingAcknowledgedIsLost() {
    const { database, ledger, scheduler } = this.simulation;
    const rows = new Map(
      database
        .query<{ id: string; state: string; lastError: string | null }>(
          `select id, state, last_error as "lastError" from inbox_events
          union all select id, 'done', null from webhook_events`,
        )
        .map((row) => [row.id, row]),
    );
    for (const [id, at] of ledger.acknowledgedAt) {
      const row = rows.get(id);
      if (!row) {
        this.simulation.fail(
          "nothing that was acknowledged is lost",
          `event ${id} was answered with 204 but is not stored`,
        );
        return;
      }
      if (row.state === "waiting" && scheduler.now - at > 240_000) {
        this.simulation.fail(
          "every event is processed within minutes after trouble ends",
          `event ${id} is still waiting ${Math.round((scheduler.now - at) / 1000)} s after it was acknowledged (${row.lastError ?? "no error recorded"})`,
        );
        return;
      }
    }
  }

  /** Nothing that was started is left unfinished. */
  private nothingIsUnfinished() {
    const { database, scheduler, world } = this.simulation;
    const ago = (ms: number) => `'${new Date(scheduler.now - ms).toISOString()}'::timestamptz`;
    const [round] = database.query<{ ok: boolean; ended: string }>(
      `select ended_at > ${ago(180_000)} as ok, ended_at as ended from rounds`,
    );
    if (!round?.ok)
      this.simulation.fail(
        "a round ends every few minutes",
        `the last one ended at ${round?.ended ?? "no time"}`,
      );
    const [session] = database.query<{ id: string }>(
      `select id from portal_sessions where outcome is null and coalesce(reported_status, '') <> 'SUCCESS' and started_at < ${ago(15 * 60_000)}`,
    );
    if (session)
      this.simulation.fail(
        "every portal session is concluded within 15 minutes",
        `session ${session.id.slice(0, 8)} is still open`,
      );
    const [notice] = database.query<{ id: string; mail: string }>(
      `select id, mail from notices where mail in ('claimed', 'leaving') and locked_until < ${ago(180_000)}`,
    );
    if (notice)
      this.simulation.fail(
        "no e-mail stays half-sent",
        `notice ${notice.id.slice(0, 8)} is "${notice.mail}"`,
      );
    const leaving = database.query<{ id: string; name: string | null }>(
      `select u.id, s.snaptrade_user_id as name from users u left join snaptrade_users s on s.user_id = u.id where u.deletion_requested_at < ${ago(300_000)}`,
    );
    for (const { id, name } of leaving)
      this.simulation.fail(
        "whoever asked to be forgotten is forgotten within minutes",
        `user ${id.slice(0, 8)}; SnapTrade ${name && world.user(name) ? "still knows them" : "has forgotten them"}`,
      );
    const removals = database.query<{ id: string; state: string }>(
      `select id, state from connections where removal_requested_at < ${ago(300_000)} and state <> 'deleted'`,
    );
    for (const { id } of removals)
      this.simulation.fail(
        "a requested removal finishes",
        `connection ${id.slice(0, 8)} is still being removed`,
      );
  }

  /** Nobody who exists at SnapTrade is treated as if they didn't. */
  private everyoneIsKnown() {
    const { database, world } = this.simulation;
    const gone = database.query<{ user_id: string; name: string; why: string }>(
      "select user_id, snaptrade_user_id as name, gone_reason as why from snaptrade_users where gone_at is not null",
    );
    for (const { user_id: id, name, why } of gone)
      if (world.users.has(name))
        this.simulation.fail(
          "nobody whom SnapTrade knows is cut off for good",
          `user ${id.slice(0, 8)} counts as "${why}", but SnapTrade knows them`,
        );
  }

  /** No SnapTrade user is left that the app has forgotten. */
  private nobodyIsLeftBehind() {
    const { database, world } = this.simulation;
    const rows = database.query<{ name: string }>(
      "select snaptrade_user_id as name from snaptrade_users union all select snaptrade_user_id from former_snaptrade_users where deleted_at is null",
    );
    const names = new Set(rows.map(({ name }) => name));
    for (const name of world.users.keys())
      if (!names.has(name))
        this.simulation.fail(
          "no SnapTrade user is left behind",
          `user ${name} belongs to nobody, and SnapTrade was not asked to delete them`,
        );
  }

  /** Everyone's page shows what SnapTrade has. */
  private pagesTellTheTruth() {
    const { database, world } = this.simulation;
    const rows = database.query<{
      id: string;
      name: string;
      state: string;
      failed: boolean;
      gone: boolean;
      known: string;
    }>(`select c.id, s.snaptrade_user_id as name, c.state,
      s.look_failed_at is not null as failed, s.gone_at is not null as gone, u.id as known from snaptrade_users s join users u on u.id = s.user_id left join connections c on c.user_id = s.user_id
      where u.deletion_requested_at is null`);
    const seen = new Map(rows.map((row) => [row.id, row]));
    for (const { id, name, state, failed, gone } of rows) {
      if (gone) continue;
      if (failed)
        this.simulation.fail(
          "everybody's connections can be looked at again after trouble ends",
          `the last look at ${name.slice(0, 8)} failed`,
        );
      const user = world.user(name);
      for (const one of user?.connections ?? [])
        if (!seen.has(one.id))
          this.simulation.fail(
            "every connection is known after trouble ends",
            `connection ${one.id.slice(0, 8)} at ${one.slug} is not`,
          );
      const real = user?.connections.find((one) => one.id === id);
      const truth = real ? (real.disabled ? "disabled" : "enabled") : "deleted";
      if (id && truth !== state)
        this.simulation.fail(
          "pages tell the truth some minutes after trouble ends",
          `connection ${id.slice(0, 8)} is "${truth}" at SnapTrade and "${state}" with us`,
        );
    }
  }
}
