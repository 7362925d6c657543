import { reconnectRoute } from "./reconnect-route";

/**
 * Your own id of the signed-in person, as you gave it to Reconnect, or null when nobody is signed in. Take it
 * from your session, never from what the request says.
 */
function personOf(/* request: Request */): string | null {
  // return (await auth())?.user.id ?? null;
  throw new Error("Say in app/api/reconnect/route.ts who is signed in: fill in personOf().");
}

export const { GET, POST } = reconnectRoute(personOf);
