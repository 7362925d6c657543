import { expect, test } from "vitest";
import { readPortalMessage } from "./portal-messages";

const id = "87b24961-b51e-4db8-9226-f198f6518a89";
const success = { kind: "result", reportedResult: { status: "SUCCESS" } };
const error = (code: string | null) => ({ kind: "result", reportedResult: { status: "ERROR", code } });
const left = { kind: "result", reportedResult: { status: "ABANDONED" } };

test.each([
  [{ status: "SUCCESS", authorizationId: id }, success],
  [{ status: "SUCCESS" }, success],
  [`SUCCESS:${id}`, success],
  ["SUCCESS", success],
  [{ status: "ERROR", errorCode: "1023", statusCode: "400", detail: "x" }, error("1023")],
  [{ status: "ERROR", errorCode: 1066, statusCode: 403 }, error("1066")],
  [{ status: "ERROR", errorCode: 0, statusCode: 401 }, error("0000")],
  [{ status: "ERROR", statusCode: "500", detail: "x" }, error(null)],
  ["ERROR:400", error(null)],
  ["CLOSED", left],
  ["ABANDONED", left],
  ["CLOSE_MODAL", { kind: "close" }],
  [{ height: "600" }, null],
  ["something else", null],
  [null, null],
  [undefined, null],
  [42, null],
  [{ status: "PWNED" }, null],
])("%j", (data, expected) => {
  expect(readPortalMessage(data)).toEqual(expected);
});
