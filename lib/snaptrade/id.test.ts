import { expect, test } from "vitest";
import { connectionInput, reconnectInput } from "@/lib/connections/schema";
import { stepInput } from "@/lib/fix-sessions/schema";

test.each(["0b3ebefb-ed47-43df-cd8f-729a4420b5cf", "0B3EBEFB-ED47-03DF-CD8F-729A4420B5CF"])(
  "the connection id %s is accepted and lowercased",
  (connectionId) => {
    const understood = { connectionId: connectionId.toLowerCase() };
    expect(connectionInput.parse({ connectionId })).toEqual(understood);
    expect(reconnectInput.parse({ connectionId })).toMatchObject(understood);
    expect(stepInput.parse({ fixSessionId: connectionId, connectionId })).toMatchObject(understood);
  },
);

test.each([
  "",
  "connection-1",
  "0b3ebefb-ed47-43df-cd8f-729a4420b5c",
  "0b3ebefbed4743dfcd8f729a4420b5cf",
  "../accounts",
])("%j is rejected as an id", (connectionId) => {
  expect(connectionInput.safeParse({ connectionId }).success).toBe(false);
});
