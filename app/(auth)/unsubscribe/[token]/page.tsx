import type { Metadata } from "next";
import { PlainPage } from "@/components/auth/plain-page";
import { SubmitButton } from "@/components/ui/submit-button";
import { env } from "@/lib/base/env";
import { stopMail } from "@/lib/notifications/actions";

export const metadata: Metadata = { title: "Unsubscribe" };

export default async function UnsubscribePage({ params }: PageProps<"/unsubscribe/[token]">) {
  const { token } = await params;
  return (
    <PlainPage appName={env().APP_NAME} title="Unsubscribe from our e-mails?">
      <p className="mt-2 text-ink-2">
        We’ll stop e-mailing you when a connection stops or works again. You’ll still see it in{" "}
        {env().APP_NAME}.
      </p>
      <form action={stopMail} className="mt-5">
        <input type="hidden" name="token" value={token} />
        <SubmitButton variant="filled" pendingLabel="Unsubscribing…">
          Unsubscribe
        </SubmitButton>
      </form>
    </PlainPage>
  );
}
