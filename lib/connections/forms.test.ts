import { expect, test } from "vitest";
import { errorSentence } from "@/lib/base/errors";
import { openInPage } from "./forms";

test.each(["constructor", "toString", "__proto__", "hasOwnProperty", "nothing", ""])(
  "a form of the kind %j opens nothing, and leads nowhere but to our own page",
  async (kind) => {
    const hostile = { kind, result: "x", otherwise: "https://evil.example/" };
    expect(await openInPage(hostile)).toEqual({ errorPage: "/connections" });
    expect(errorSentence(kind)).toBeNull();
  },
);
