import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { metrics } from "./telemetry";

const target = z.object({ expr: z.string() });
const dashboard = z
  .object({ panels: z.array(z.object({ title: z.string(), targets: z.array(target) })) })
  .parse(JSON.parse(readFileSync("docs/grafana/dashboard.json", "utf8")));
const alerts = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            uid: z.string(),
            condition: z.string(),
            data: z.array(
              z.object({ refId: z.string(), model: z.looseObject({ expr: z.string().optional() }) }),
            ),
          }),
        ),
      }),
    ),
  })
  .parse(parse(readFileSync("docs/grafana/alerts.yaml", "utf8")));

/** The names that Prometheus gives a metric it receives over OTLP. */
function storedNames(name: string, { kind, ...more }: { kind: string; unit?: string }): string[] {
  const base = `${name.replaceAll(".", "_")}${more.unit === "s" ? "_seconds" : ""}`;
  if (kind === "counter") return [`${base}_total`];
  return kind === "gauge" ? [base] : ["_bucket", "_sum", "_count"].map((part) => base + part);
}

const emitted = Object.entries(metrics).map(([name, metric]) => storedNames(name, metric));
const used = (expressions: string[]) => expressions.flatMap((text) => text.match(/\breconnect_\w+/g) ?? []);
const panels = used(dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)));
const rules = alerts.groups.flatMap((group) => group.rules);
const alerting = used(rules.flatMap(({ data }) => data.flatMap(({ model }) => model.expr ?? [])));

test("the dashboard and the alert rules use only metrics that the code emits", () => {
  expect(panels.length).toBeGreaterThan(0);
  expect([...panels, ...alerting].filter((name) => !emitted.flat().includes(name))).toEqual([]);
});

test("the dashboard shows every metric", () => {
  expect(emitted.filter((names) => !names.some((name) => panels.includes(name)))).toEqual([]);
});

test("there are five alert rules, each about a metric and with a condition that exists", () => {
  expect(rules.map(({ uid }) => uid)).toEqual([
    "reconnect-rounds",
    "reconnect-dead",
    "reconnect-rejected",
    "reconnect-budget",
    "reconnect-notifications",
  ]);
  expect(new Set(alerting).size).toBe(5);
  for (const { condition, data } of rules) expect(data.map(({ refId }) => refId)).toContain(condition);
});
