import type { PGlite } from "@electric-sql/pglite";

/** A file or folder in Emscripten's memory. */
interface Node {
  name: string;
  contents?: Uint8Array | Partial<Record<string, Node>>;
  usedBytes?: number;
  mtime: number;
}

interface Stream {
  /** Null once it is closed. */
  fd: number | null;
  shared: { position?: number; flags?: number };
}

interface Machine {
  HEAPU8: Uint8Array;
  FS: {
    root: Node;
    streams: (Stream | null | undefined)[];
    hashAddNode: (node: Node) => void;
    hashRemoveNode: (node: Node) => void;
  };
}

/** A time at which no file is ever written. */
const untouched = 0;

type Folder = Node & { contents: Partial<Record<string, Node>> };
type File = Node & { contents: Uint8Array; usedBytes: number };

/**
 * Captures everything a database consists of between two statements: its memory, files, and open streams.
 * @returns a function that restores it exactly, including plans and caches
 */
export function takeImage(pglite: PGlite): () => void {
  const machine = pglite.Module as unknown as Machine;
  const { FS } = machine;
  const memory = machine.HEAPU8.slice();
  const folders: { node: Folder; entries: Folder["contents"] }[] = [];
  const files: { node: File; bytes: Uint8Array }[] = [];
  const walk = (node: Node) => {
    if (isFile(node)) {
      node.mtime = untouched;
      files.push({ node, bytes: node.contents.slice(0, node.usedBytes) });
    }
    if (isFolder(node)) {
      folders.push({ node, entries: copyOf(node.contents) });
      for (const child of Object.values(node.contents)) if (child) walk(child);
    }
  };
  walk(FS.root);
  const streams = FS.streams.map((stream) => stream && { stream, shared: { ...stream.shared } });

  return () => {
    machine.HEAPU8.set(memory);
    machine.HEAPU8.fill(0, memory.length);
    for (const { node, entries } of folders) putBack(FS, node, entries);
    for (const { node, bytes } of files) {
      if (node.mtime === untouched && node.usedBytes === bytes.length) continue;
      node.contents = bytes.slice();
      node.usedBytes = bytes.length;
      node.mtime = untouched;
    }
    FS.streams.length = 0;
    for (const [fd, kept] of streams.entries()) {
      FS.streams[fd] = kept?.stream;
      if (!kept) continue;
      kept.stream.fd = fd;
      Object.assign(kept.stream.shared, kept.shared);
    }
  };
}

const isFile = (node: Node): node is File =>
  node.contents instanceof Uint8Array && node.usedBytes !== undefined;
const isFolder = (node: Node): node is Folder =>
  node.contents !== undefined && !(node.contents instanceof Uint8Array) && node.usedBytes === undefined;

/** Restores a folder's entries, both in the folder and in the table used to look up paths. */
function putBack(FS: Machine["FS"], node: Folder, entries: Folder["contents"]) {
  const present = node.contents;
  for (const [name, child] of Object.entries(present))
    if (child && entries[name] !== child) FS.hashRemoveNode(child);
  for (const [name, child] of Object.entries(entries)) {
    if (!child || present[name] === child) continue;
    child.name = name;
    FS.hashAddNode(child);
  }
  node.contents = copyOf(entries);
}

const copyOf = (entries: Folder["contents"]): Folder["contents"] =>
  Object.fromEntries(Object.entries(entries));
