import { connection } from "next/server";
import { readHealth } from "@/lib/server/health";

/** Whether this deployment works: 200 if the database answers and rounds finish, otherwise 503 and why. */
export async function GET() {
  await connection();
  const now = new Date();
  const health = await readHealth(now, new Date(now.getTime() - process.uptime() * 1000));
  return Response.json(health, {
    status: health.status === "ok" ? 200 : 503,
    headers: { "Cache-Control": "no-store" },
  });
}
