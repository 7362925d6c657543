import { connection } from "next/server";

/** Whether this process is serving requests. Reads nothing. */
export async function GET() {
  await connection();
  return Response.json({ status: "ok" }, { headers: { "Cache-Control": "no-store" } });
}
