import { connection } from "next/server";
import { readHealth } from "@/lib/health";

/** Whether this deployment does its work: 200 when the database answers and rounds end, else 503 with what is wrong. */
export async function GET() {
  await connection();
  const now = new Date();
  const health = await readHealth(now, new Date(now.getTime() - process.uptime() * 1000));
  return Response.json(health, { status: health.status === "ok" ? 200 : 503, headers: { "Cache-Control": "no-store" } });
}
