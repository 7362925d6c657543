import { readFileSync } from "node:fs";

interface Block {
  /** The heading above it. */
  section: string;
  /** "sh" is followed, "sh build" is followed where there is a network, and anything else is only read. */
  kind: string;
  commands: string;
}

/** The fenced blocks of a guide, in order. */
export function readBlocks(file: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  let open: Block | null = null;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const fence = /^```(.*)$/.exec(line);
    if (open && fence) open = null;
    else if (open) open.commands += `${line}\n`;
    else if (fence) blocks.push((open = { section, kind: fence[1] ?? "", commands: "" }));
    else section = /^## (.*)$/.exec(line)?.[1] ?? section;
  }
  return blocks;
}

/** The commands of a guide that need the network. */
export function buildCommands(file: string): string[] {
  return readBlocks(file)
    .filter(({ kind }) => kind === "sh build")
    .flatMap(({ commands }) => commands.trim().split("\n"));
}

/**
 * A script that follows a guide word by word.
 * @param after commands of ours to run after a section, by its heading
 */
export function scriptOf(file: string, after: Record<string, string>): string {
  const blocks = readBlocks(file).filter(({ kind }) => kind === "sh");
  const sections = [...new Set(blocks.map(({ section }) => section))];
  const unknown = Object.keys(after).filter((section) => !sections.includes(section));
  if (unknown.length > 0) throw new Error(`${file} has no section ${unknown.join(", ")}`);
  return sections
    .map((section) => {
      const own = blocks.filter((block) => block.section === section);
      const commands = own.map((block) => block.commands).join("");
      return `echo '── ${file}: ${section}'\ncd /srv/reconnect\n${commands}${after[section] ?? ""}`;
    })
    .join("\n");
}

/** The commands that a Dockerfile runs. */
export function runLines(file: string): string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => /^RUN (.*)$/.exec(line)?.[1] ?? []);
}
