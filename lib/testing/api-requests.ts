import fc from "fast-check";

export interface Schema {
  $ref?: string;
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
}

interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  schema: Schema;
}

export interface DescribedOperation {
  parameters: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

interface GeneratedRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

type Components = Record<string, Schema>;

/** Requests for an operation of an OpenAPI document: mostly as it wants them, sometimes broken in one place. */
export function requestsFor(
  method: string,
  template: string,
  operation: DescribedOperation,
  components: Components,
  known: string[],
): fc.Arbitrary<GeneratedRequest> {
  const { parameters, requestBody } = operation;
  const valid = (schema: Schema) => valuesOf(schema, components, known);
  const textOf = (schema: Schema) =>
    fc.oneof(
      { weight: 8, arbitrary: valid(schema).map(String) },
      { weight: 1, arbitrary: fc.string({ maxLength: 300, unit: "binary" }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom("", "0", "-1", "null", "[]", "%", "2026-13-01", "x".repeat(600)),
      },
    );
  const placed = (place: Parameter["in"]) =>
    fc.record(
      Object.fromEntries(
        parameters.filter((one) => one.in === place).map(({ name, schema }) => [name, textOf(schema)]),
      ),
      place === "path" ? {} : { requiredKeys: [] },
    );
  const required = (place: Parameter["in"]) =>
    fc.record(
      Object.fromEntries(
        parameters
          .filter((one) => one.in === place && one.required)
          .map(({ name, schema }) => [name, valid(schema).map(String)]),
      ),
    );
  const own = requestBody?.content["application/json"]?.schema;
  const body = own
    ? fc.oneof(
        { weight: 6, arbitrary: valid(own) },
        { weight: 1, arbitrary: fc.jsonValue() },
        { weight: 1, arbitrary: fc.string() },
      )
    : fc.constant(undefined);
  return fc
    .record({
      path: placed("path"),
      usual: required("query"),
      query: placed("query"),
      header: required("header"),
      extra: fc.option(fc.dictionary(fc.string(), fc.string(), { maxKeys: 1 }), { nil: {} }),
      body,
    })
    .map(({ path, usual, query, header, extra, body }) => {
      const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => escaped(path[name] ?? ""));
      const search = new URLSearchParams({ ...usual, ...query, ...extra } as Record<
        string,
        string
      >).toString();
      return { method, path: search ? `${filled}?${search}` : filled, headers: header, body };
    });
}

/** A lone surrogate can't be sent at all. */
const escaped = (text: string) => encodeURIComponent(text.toWellFormed());

/** Values that a schema allows; strings without a narrower form are sometimes known ids. */
function valuesOf(schema: Schema, components: Components, known: string[]): fc.Arbitrary<unknown> {
  const inside = (part: Schema) => valuesOf(part, components, known);
  if (schema.$ref) return inside(components[schema.$ref.split("/").at(-1) ?? ""] ?? {});
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(inside));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if ("const" in schema) return fc.constant(schema.const);
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: schema.minimum, max: schema.maximum });
    case "array":
      return fc.array(inside(schema.items ?? {}), { maxLength: 3 });
    case "object":
      return objectsOf(schema, inside);
    case "string":
      return stringsOf(schema, known);
    default:
      return fc.jsonValue();
  }
}

function objectsOf(
  { properties = {}, required = [] }: Schema,
  inside: (part: Schema) => fc.Arbitrary<unknown>,
) {
  const members = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, inside(part)]));
  return fc.record(members, { requiredKeys: required });
}

function stringsOf({ format, pattern, maxLength }: Schema, known: string[]): fc.Arbitrary<string> {
  const fits = (text: string) =>
    (!pattern || new RegExp(pattern, "u").test(text)) && text.length <= (maxLength ?? text.length);
  const fitting = known.filter(fits);
  if (format === "date-time")
    return fc
      .date({ min: new Date("1970-01-01"), max: new Date("9999-01-01"), noInvalidDate: true })
      .map((date) => date.toISOString());
  const free = fc.oneof(
    fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
    fc.string({ minLength: 1, maxLength: 255 }),
    fc.uuid(),
  );
  return fitting.length > 0 ? fc.oneof(fc.constantFrom(...fitting), free.filter(fits)) : free.filter(fits);
}
