// `npm run prove -- scale`: pages and rounds hardly read more with twenty times as many people.
const { tsImport } = await import("tsx/esm/api");
const { proveScale } = await tsImport("../proofs/bench/scale.ts", import.meta.url);
const { print } = await tsImport("../proofs/bench/figures.ts", import.meta.url);
process.exit(print(await proveScale()) ? 0 : 1);
