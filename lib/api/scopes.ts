/** What an API key may be allowed to do. A key keeps the scopes it was made with. */
export const scopes = [
  "users:read",
  "users:write",
  "connections:read",
  "connections:check",
  "events:read",
  "endpoints:write",
  "fix-sessions:read",
  "fix-sessions:write",
  "sign-in-links:write",
] as const;

export type Scope = (typeof scopes)[number];
