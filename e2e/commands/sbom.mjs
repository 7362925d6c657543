// `npm run sbom`: writes sbom.cdx.json, a CycloneDX bill of materials for everything that production
// installs, and prints the number of packages per license. Exits with 1 when a license isn't on the list.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { installPackages, root, stop } from "../support/ground.mjs";

const allowed = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "MIT-0",
  "OFL-1.1",
  "Unlicense",
];
/** A separate library next to ours that anyone can replace, as this license requires. */
const exceptions = [{ name: /^@img\/sharp-libvips-/, license: "LGPL-3.0-or-later" }];

installPackages();
const made = spawnSync("npm", ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024,
});
if (made.status !== 0) stop(`npm could not list the packages; npm 10 or newer is required.\n${made.stderr}`);
const bill = JSON.parse(made.stdout);
// npm would name the project after its folder.
bill.metadata.component.name = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).name;
writeFileSync(path.join(root, "sbom.cdx.json"), `${JSON.stringify(bill, null, 2)}\n`);

const packages = bill.components.map(({ name, version, licenses = [] }) => ({
  name,
  version,
  license: licenses.map((entry) => entry.expression ?? entry.license.id ?? entry.license.name).join(" AND "),
}));
const counts = new Map();
for (const { license } of packages) counts.set(license, (counts.get(license) ?? 0) + 1);
for (const [license, count] of [...counts].sort((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(5)}  ${license || "none named"}`);
const refused = packages.filter((entry) => !isAllowed(entry));
for (const { name, version, license } of refused)
  console.error(`${name} ${version}: ${license || "no license named"} is not on the list`);
console.log(
  `sbom.cdx.json: ${packages.length} packages, ${refused.length} with a license that is not allowed`,
);
process.exit(refused.length > 0 ? 1 : 0);

function isAllowed({ name, license }) {
  if (exceptions.some((exception) => exception.name.test(name) && exception.license === license)) return true;
  const plain = license.replaceAll(/[()]/g, "");
  const whole = (all) => all.split(" AND ").every((one) => allowed.includes(one.trim()));
  return plain.split(" OR ").some(whole);
}
