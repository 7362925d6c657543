import { expect, test } from "vitest";
import { readPortalResult } from "./portal-result";

test.each([
  ["?status=SUCCESS&connection_id=87b24961-b51e-4db8-9226-f198f6518a89", { status: "SUCCESS" }],
  ["?status=ERROR&status_code=400&error_code=1023", { status: "ERROR", code: "1023" }],
  ["?error_code=1066&status_code=403&status=ERROR", { status: "ERROR", code: "1066" }],
  ["?state=x?status=ERROR&status_code=500&error_code=3000", { status: "ERROR", code: "3000" }],
  // How Next passes on `?a=1?status=…`, as observed on its own server.
  ["?a=1%3Fstatus%3DERROR&status_code=400&error_code=1023", { status: "ERROR", code: "1023" }],
  ["?a=1%3Fstatus=SUCCESS&connection_id=87b24961-b51e-4db8-9226-f198f6518a89", { status: "SUCCESS" }],
  ["?a=b+c%3Fstatus%3DABANDONED", { status: "ABANDONED" }],
  ["?%3Fstatus=SUCCESS", { status: "SUCCESS" }],
  ["?a=%253Fstatus%253DSUCCESS", { status: "UNKNOWN" }],
  ["?status=ERROR", { status: "ERROR", code: null }],
  ["?status=ERROR&error_code=%3Cscript%3E", { status: "ERROR", code: null }],
  ["?status=ABANDONED", { status: "ABANDONED" }],
  ["?status=success", { status: "SUCCESS" }],
  ["?state=mine", { status: "UNKNOWN" }],
  ["", { status: "UNKNOWN" }],
  ["?status=SOMETHING_NEW", { status: "UNKNOWN" }],
])("%s is parsed as the reported result", (search, expected) => {
  expect(readPortalResult(search)).toEqual(expected);
});
