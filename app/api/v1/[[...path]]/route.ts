import { handle } from "@/lib/api/handle";
import { operations } from "@/lib/api/operations";

/** In seconds, for platforms that limit functions. */
export const maxDuration = 60;

/** Every operation for the company's servers (lib/api/operation.ts); anything else is answered 404 or 405. */
const answer = (request: Request) => handle(request, operations);

export { answer as GET, answer as POST, answer as PUT, answer as PATCH, answer as DELETE, answer as OPTIONS };
