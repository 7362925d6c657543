import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { listTexts } from "./texts";

const files = listTexts()
  .map(({ file }) => file)
  .filter((file) => /\.(tsx?|mjs)$/.test(file) && !file.endsWith(".d.ts"));

/** Where an import leads in this repository, or null when it leads to a package. */
function resolve(from: string, specifier: string): string | null {
  const place = specifier.startsWith("@/")
    ? specifier.slice(2)
    : specifier.startsWith(".")
      ? path.join(path.dirname(from), specifier)
      : null;
  if (place === null) return null;
  return (
    [place, `${place}.ts`, `${place}.tsx`].find((file) => /\.tsx?$/.test(file) && existsSync(file)) ?? null
  );
}

const exported = new Map<string, string[]>();
/** Names that another file imports, by file; "*" for all of them. */
const imported = new Map<string, Set<string>>();

function markUsed(file: string | null, names: string[]) {
  if (file) imported.set(file, new Set([...(imported.get(file) ?? []), ...names]));
}

for (const file of files) {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const own: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const bindings = node.importClause?.namedBindings;
      const names = bindings && ts.isNamedImports(bindings) ? bindings.elements : [];
      const all = bindings && ts.isNamespaceImport(bindings) ? ["*"] : [];
      const known = [...names].map(({ name, propertyName }) => (propertyName ?? name).text);
      markUsed(resolve(file, node.moduleSpecifier.text), [...known, ...all]);
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const names =
        node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : [];
      const known = [...names].map(({ name, propertyName }) => (propertyName ?? name).text);
      markUsed(resolve(file, node.moduleSpecifier.text), known);
    } else if (
      ts.isCallExpression(node) &&
      [ts.SyntaxKind.ImportKeyword, ts.SyntaxKind.Identifier].includes(node.expression.kind) &&
      ["import", "tsImport"].includes(node.expression.getText(source))
    ) {
      const [target] = node.arguments;
      if (target && ts.isStringLiteral(target)) markUsed(resolve(file, target.text), ["*"]);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const target = node.argument.literal;
      if (ts.isStringLiteral(target)) markUsed(resolve(file, target.text), ["*"]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const statement of source.statements) {
    if (!ts.canHaveModifiers(statement)) continue;
    const kinds = (ts.getModifiers(statement) ?? []).map(({ kind }) => kind);
    if (!kinds.includes(ts.SyntaxKind.ExportKeyword) || kinds.includes(ts.SyntaxKind.DefaultKeyword))
      continue;
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map(({ name }) => name)
      : "name" in statement
        ? [statement.name as ts.Node]
        : [];
    own.push(...names.flatMap((name) => (ts.isIdentifier(name) ? [name.text] : [])));
  }
  exported.set(file, own);
}

test("nothing is exported for nobody", () => {
  // Plain scripts (.mjs) are run by Node as they are, so only what TypeScript reads counts.
  const rooms = ["lib/", "components/", "e2e/"];
  const unused = [...exported]
    .filter(([file]) => !file.endsWith(".mjs") && rooms.some((room) => file.startsWith(room)))
    .flatMap(([file, names]) => {
      const used = imported.get(file) ?? new Set();
      return used.has("*") ? [] : names.filter((name) => !used.has(name)).map((name) => `${file} ${name}`);
    });
  expect(unused).toEqual([]);
});
