import { z } from "zod";
import { parse } from "yaml";
import type { Operation } from "./contract";

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const node = (value: unknown): Node => (isNode(value) ? value : {});

/** Lists the differences between our table and SnapTrade's OpenAPI description; empty if there are none. */
export function compareWithOfficial(operations: readonly Operation[], openApi: string): string[] {
  const root = node(parse(openApi));
  return operations.flatMap((operation) => {
    const place = `${operation.method} ${operation.path}`;
    const official = node(node(root.paths)[operation.path])[operation.method];
    if (!isNode(official)) return operation.retired ? [] : [`${place} is not described`];
    return [...compareQuery(operation, official, place), ...compareAnswers(operation, official, place, root)];
  });
}

function compareQuery({ query }: Operation, official: Node, place: string): string[] {
  const parameters = (Array.isArray(official.parameters) ? official.parameters : [])
    .map(node)
    .filter((one) => one.in === "query");
  const unknown = query
    .filter((name) => !parameters.some((one) => one.name === name))
    .map((name) => `${place} takes no ${name}`);
  const missing = parameters.filter(
    ({ name, required }) => required === true && !query.includes(String(name)),
  );
  return [...unknown, ...missing.map(({ name }) => `${place} needs ${String(name)}`)];
}

/** Error responses are skipped: the description's own examples contradict what SnapTrade sends. */
function compareAnswers({ answers }: Operation, official: Node, place: string, root: Node): string[] {
  return Object.entries(answers).flatMap(([status, ours]) => {
    if (!status.startsWith("2")) return [];
    const theirs = node(
      node(node(node(node(official.responses)[status]).content)["application/json"]).schema,
    );
    if (Object.keys(theirs).length === 0) return [`${place} does not answer ${status}`];
    return compareSchemas(
      node(z.toJSONSchema(ours, { unrepresentable: "any" })),
      theirs,
      `${place} ${status}`,
      root,
    );
  });
}

function compareSchemas(ours: Node, described: Node, place: string, root: Node): string[] {
  const options = alternatives(described, root);
  const attempts = options.map((theirs) => compareWithOne(ours, theirs, place, root));
  return attempts.find((problems) => problems.length === 0) ?? attempts[0] ?? [];
}

function compareWithOne(described: Node, theirs: Node, place: string, root: Node): string[] {
  const variants = variantsOf(described);
  const ours = variants.filter(({ type }) => type !== "null");
  const nullable = variants.length > ours.length;
  const problems =
    nullable === (theirs.nullable === true)
      ? []
      : [`${place} ${nullable ? "is never null there" : "may be null there"}`];
  const [only, other] = ours;
  // SnapTrade's versions disagree here, so only our table accepts several forms.
  if (!only || other) return problems;
  const theirType =
    typeof theirs.type === "string" ? theirs.type : isNode(theirs.properties) ? "object" : undefined;
  if (
    only.type !== undefined &&
    theirType !== undefined &&
    only.type !== theirType &&
    !(only.type === "integer" && theirType === "number")
  ) {
    return [...problems, `${place} is ${theirType} there`];
  }
  if (isNode(only.items) && isNode(theirs.items))
    problems.push(...compareSchemas(only.items, theirs.items, `${place}[]`, root));
  if (isNode(only.properties) && isNode(theirs.properties))
    problems.push(...compareMembers(only, theirs, place, root));
  return problems;
}

function variantsOf(ours: Node): Node[] {
  if (Array.isArray(ours.anyOf)) return ours.anyOf.map(node);
  return Array.isArray(ours.type) ? ours.type.map((type: unknown) => ({ ...ours, type })) : [ours];
}

function compareMembers(ours: Node, theirs: Node, place: string, root: Node): string[] {
  const [mine, described] = [node(ours.properties), node(theirs.properties)];
  const needed = (Array.isArray(theirs.required) ? theirs.required : [])
    .map(String)
    .filter((name) => !(name in mine));
  const members = Object.entries(mine).flatMap(([name, schema]) => {
    const member = described[name];
    return isNode(member)
      ? compareSchemas(node(schema), member, `${place}.${name}`, root)
      : [`${place}.${name} is not described`];
  });
  return [...needed.map((name) => `${place}.${name} is required there`), ...members];
}

/** The schemas this one can stand for, with references resolved. */
function alternatives(schema: Node, root: Node): Node[] {
  if (typeof schema.$ref === "string") return alternatives(follow(schema.$ref, root), root);
  if (Array.isArray(schema.oneOf)) return schema.oneOf.flatMap((one) => alternatives(node(one), root));
  if (!Array.isArray(schema.allOf)) return [schema];
  const { allOf, ...rest } = schema;
  return [allOf.reduce<Node>((all, one) => ({ ...all, ...alternatives(node(one), root)[0] }), rest)];
}

function follow(reference: string, root: Node): Node {
  return reference
    .split("/")
    .slice(1)
    .reduce<Node>((at, name) => node(at[name]), root);
}
