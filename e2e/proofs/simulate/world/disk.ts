const missing = (path: string) => Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });

/** A machine's disk, as node:fs/promises shows it to what keeps a few small files there. */
export class Disk {
  private readonly files = new Map<string, string>();

  readonly promises = {
    mkdir: () => Promise.resolve(undefined),
    open: (path: string) =>
      Promise.resolve({
        writeFile: (text: string) => Promise.resolve(void this.files.set(path, text)),
        sync: () => Promise.resolve(),
        close: () => Promise.resolve(),
      }),
    readdir: (folder: string) =>
      Promise.resolve(
        [...this.files.keys()]
          .filter((path) => path.startsWith(`${folder}/`))
          .map((path) => path.slice(folder.length + 1)),
      ),
    readFile: (path: string) => {
      const text = this.files.get(path);
      return text === undefined ? Promise.reject(missing(path)) : Promise.resolve(text);
    },
    rename: (from: string, to: string) => {
      const text = this.files.get(from);
      if (text === undefined) return Promise.reject(missing(from));
      this.files.set(to, text);
      return this.promises.rm(from);
    },
    rm: (path: string): Promise<void> => Promise.resolve(void this.files.delete(path)),
  };
}
