/** Changes the source of one file of the app while it is bundled. */
type Change = (file: string, text: string) => string;

const mutations: Record<string, { file: string; from: string; to: string }[]> = {};

/** @throws Error for a mutation that does not exist */
export function mutate(name: string | null): Change {
  const changes = name === null ? [] : mutations[name];
  if (!changes) throw new Error(`There is no mutation "${name ?? ""}"; there is ${Object.keys(mutations).join(", ")}`);
  return (file, text) =>
    changes
      .filter((change) => change.file === file)
      .reduce((changed, { from, to }) => {
        if (!changed.includes(from)) throw new Error(`The mutation ${name ?? ""} no longer fits ${file}: it has no "${from}"`);
        return changed.replace(from, to);
      }, text);
}
