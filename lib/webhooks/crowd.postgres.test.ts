import { expect, test } from "vitest";
import { openDirect } from "@/lib/testing/direct";
import { testSettings } from "@/lib/testing/unique";
import { about, at, deliver, known, makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { processInbox } from "./process";

Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

test("a person whose connection is locked costs the others one wait, however many events that person has", async () => {
  const [odd, ...others] = await Promise.all([1, 2, 3].map(() => makeConnections(1, at(0))));
  const direct = await openDirect();
  for (let turn = 0; turn < 30; turn++)
    await deliver(
      about(odd ?? { snapTradeUserId: "" }, odd?.ids[0], turn % 2 ? "enabled" : "disabled", turn),
      {
        now: at(50),
      },
    );
  for (const one of others) await deliver(about(one, one.ids[0], "disabled", 10), { now: at(60) });
  await direct.query("begin");
  await direct.query("select 1 from connections where id = $1 for update", [odd?.ids[0]]);
  const startedAt = Date.now();
  expect(await processInbox()).toMatchObject({ done: others.length, failed: 30 });
  expect(Date.now() - startedAt).toBeLessThan(6_000);
  for (const one of others) expect(await known(one.ids[0])).toMatchObject({ state: "disabled" });
  await direct.query("rollback");
  await direct.end();
}, 60_000);
