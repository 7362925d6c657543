import { describe, expect, test } from "vitest";
import { testSettings } from "@/lib/testing/unique";
import { isAllowedUrl, post } from "./post";
import { isPublicAddress, lookupPublic } from "./public-address";

Object.assign(process.env, testSettings);

describe("no event goes to an address that isn't on the Internet", () => {
  test.each([
    ...["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"],
    ...["224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.0.192", "203.0.113.7"],
    ...["::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"],
    ...["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001::1"],
    ...["", "localhost", "1.2.3"],
  ])("%s", (address) => expect(isPublicAddress(address)).toBe(false));

  test.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])("but to %s", (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );

  test.each([
    ...[
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://0x7f.1/",
      "https://0177.0.0.1/",
      "https://[::1]/",
    ],
    ...[
      "https://[::ffff:127.0.0.1]/",
      "https://[::ffff:7f00:1]/",
      "https://169.254.169.254/latest/meta-data",
    ],
    ...["http://example.com/", "https://user:secret@example.com/", "file:///etc/passwd"],
  ])("%s is refused as written", (url) => expect(isAllowedUrl(new URL(url))).toBe(false));

  test("a name is checked when the socket connects, whatever it resolved to before", async () => {
    await expect(post(new URL("https://localhost:9/"), {}, Buffer.from("{}"))).rejects.toThrow(
      "The name has a private address",
    );
    for (const all of [true, false]) {
      const found = await new Promise<unknown>((resolve) =>
        lookupPublic("localhost", { all }, (error, address) => resolve(error ?? address)),
      );
      expect(found).toBeInstanceOf(Error);
    }
  });
});
