import type { FixPageView } from "@/lib/fix-sessions/views";
import { ButtonAnchor, ButtonLink } from "../ui/button";

interface Props {
  page: FixPageView;
  /** The person is signed in in full, so they have pages of their own here. */
  hasAccount: boolean;
  appName: string;
}

/** Where someone goes when a fix session is over: to the company's product, or to their connections. */
export function WayBack({ page: { returnTo }, hasAccount, appName }: Props) {
  if (returnTo)
    return (
      <ButtonAnchor href={returnTo} variant="filled" className="w-full wide:w-auto">
        Back to {appName}
      </ButtonAnchor>
    );
  if (hasAccount)
    return (
      <ButtonLink href="/connections" variant="filled" className="w-full wide:w-auto">
        Go to your connections
      </ButtonLink>
    );
  return <p className="text-ink-2">You can close this page now.</p>;
}
