import { connection } from "next/server";
import { PlainPage } from "@/components/auth/plain-page";
import { ButtonLink } from "@/components/ui/button";
import { env } from "@/lib/base/env";

export default async function NotFound() {
  await connection();
  return (
    <PlainPage appName={env().APP_NAME} title="Page not found">
      <p className="mt-2 text-ink-2">It may have been removed, or it may belong to a different account.</p>
      <ButtonLink href="/connections" className="mt-5 w-full">
        Go to your connections
      </ButtonLink>
    </PlainPage>
  );
}
