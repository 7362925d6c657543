/** An error response. Codes are strings on the wire. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }

  toResponse(): Response {
    const body = { detail: this.detail, status_code: this.status, code: this.code };
    return Response.json(body, { status: this.status, headers: this.headers });
  }
}

export const invalidInput = (detail: string) => new ApiError(400, "1012", detail);
export const notFound = () => new ApiError(404, "1011", "The requested resource does not exist.");

export function throttled(seconds: number): ApiError {
  const detail = `Request was throttled. Expected available in ${seconds} seconds.`;
  return new ApiError(429, "0000", detail, { "Retry-After": String(seconds) });
}
