import { expect, test } from "vitest";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { look } from "@/lib/connections/look/look";
import { openReconnect } from "./open";
import { checkPortal } from "./check";
import type { ReportedResult } from "@/lib/connections/views";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { withEmulator } from "@/lib/testing/connections";

const emulator = withEmulator();
withDatabase();

/** The outcome of a session after these reports, once the person has left. */
async function outcomeAfter(...reportedResults: ReportedResult[]) {
  const userId = await makeUser({ registered: false });
  const { snapTradeUserId } = await requireSnapTradeCredentials(userId, new Date());
  const { id } = await emulator.post<{ id: string }>(`/users/${snapTradeUserId}/connections`, {
    brokerage: "QUESTRADE",
    disabled: true,
  });
  await look(userId);
  const { view } = await openReconnect({ userId, connectionId: id, darkMode: false, now: new Date() });
  const report = { userId, portalSessionId: view.portalSessionId };
  for (const reportedResult of reportedResults)
    await checkPortal({ ...report, reportedResult, over: false, now: new Date() });
  return (
    await checkPortal({ ...report, reportedResult: { status: "ABANDONED" }, over: true, now: new Date() })
  ).outcome;
}

test("an error repeated in the older form without a code keeps its reason", async () => {
  const outcome = await outcomeAfter({ status: "ERROR", code: "1066" }, { status: "ERROR", code: null });
  expect(outcome).toEqual({ state: "failed", failure: "sign-in-refused", code: "1066" });
});

test("of two errors with a code, the newer one is explained", async () => {
  const outcome = await outcomeAfter({ status: "ERROR", code: "1066" }, { status: "ERROR", code: "1023" });
  expect(outcome).toEqual({ state: "failed", failure: "different-login", code: "1023" });
});
