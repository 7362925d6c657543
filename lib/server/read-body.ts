import "server-only";

/** The body of a request, or null as soon as it exceeds the limit; the rest is never kept. */
export async function readBody(request: Request, maxBytes: number): Promise<Buffer | null> {
  if (Number(request.headers.get("Content-Length")) > maxBytes) return null;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const reader = request.body?.getReader(); reader;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > maxBytes) return null;
    chunks.push(value);
  }
  return Buffer.concat(chunks);
}
