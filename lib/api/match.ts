import "server-only";
import { ApiProblem, type Operation } from "./operation";

type Match = { operation: Operation; params: Record<string, string> } | { allowed: string[] };

/**
 * The operation at this path, with the parts of the path that its braces name, decoded; or which methods the
 * path has, if this isn't one of them.
 * @throws ApiProblem not-found
 */
export function findOperation(operations: Operation[], method: string, path: string): Match {
  const here = operations.flatMap((operation) => {
    const params = match(operation.path, path);
    return params ? [{ operation, params }] : [];
  });
  if (here.length === 0) throw new ApiProblem("not-found");
  const wanted = method === "HEAD" ? "GET" : method;
  const found = here.find(({ operation }) => operation.method === wanted);
  return found ?? { allowed: here.map(({ operation }) => operation.method) };
}

function match(template: string, path: string): Record<string, string> | null {
  const [wanted, given] = [template.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? "";
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (!name && part !== text) return null;
    if (name) params[name] = decoded(text);
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiProblem("not-found");
  }
}
