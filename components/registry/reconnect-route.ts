type Person = string | null;
type Settings = Record<string, string | undefined>;

/**
 * Answers the banner on your server, where the API key stays: GET lists the connections that the person can
 * repair now, POST starts their repair.
 * @param personOf your own id of the person who sent the request, from your session; null for nobody
 */
export function reconnectRoute(
  personOf: (request: Request) => Person | Promise<Person>,
  settings: Settings = process.env,
) {
  const call = <T>(path: string, init?: RequestInit) => callApi<T>(settings, path, init);
  return {
    GET: (request: Request) =>
      answer(request, personOf, async (user) => {
        const query = new URLSearchParams({ user, state: "disabled", limit: "100" });
        const found = await call<{ connections: Listed[] }>(`connections?${query.toString()}`);
        const repairable = found?.connections.filter((one) => one.repairable) ?? [];
        return { connections: repairable.map(({ id, brokerage }) => ({ id, brokerage: brokerage.name })) };
      }),

    POST: (request: Request) =>
      // No page of another site may start this in the person's name.
      request.headers.get("Sec-Fetch-Site") !== "same-origin"
        ? Response.json({ error: "another site" }, { status: 403 })
        : answer(request, personOf, async (user) => {
            const { return_url } = (await request.json()) as { return_url: string };
            const body = { user, return_url, sign_in: true };
            const made = await call<{ url: string }>("fix-sessions", {
              method: "POST",
              headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
              body: JSON.stringify(body),
            });
            if (!made) throw new Error("it doesn't know this person");
            return { url: made.url };
          }),
  };
}

interface Listed {
  id: string;
  brokerage: { name: string };
  repairable: boolean;
}

async function answer(
  request: Request,
  personOf: (request: Request) => Person | Promise<Person>,
  work: (user: string) => Promise<object>,
): Promise<Response> {
  const user = await personOf(request);
  if (!user) return Response.json({ error: "signed out" }, { status: 401 });
  try {
    return Response.json(await work(user), { headers: { "Cache-Control": "no-store" } });
  } catch (error) {
    console.error("Reconnect couldn't be asked:", error instanceof Error ? error.message : "unknown reason");
    return Response.json({ error: "try again later" }, { status: 502 });
  }
}

/** @returns null for a person whom Reconnect doesn't know */
async function callApi<T>(settings: Settings, path: string, init: RequestInit = {}): Promise<T | null> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${settings.RECONNECT_API_KEY ?? ""}`);
  const url = new URL(`/api/v1/${path}`, settings.RECONNECT_URL);
  const response = await fetch(url, {
    ...init,
    headers,
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
  });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`it answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
