import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";

/** Gives a person an id of the company's own, in characters that an address has to escape. */
export async function nameOf(userId: string): Promise<string> {
  const externalId = `customer/${randomUUID()}?é#%`;
  await (await database()).update(users).set({ externalId }).where(eq(users.id, userId));
  return externalId;
}
