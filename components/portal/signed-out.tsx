import { ButtonLink } from "../ui/button";

/** Shown instead of a result when the person's session ended elsewhere, so we can't ask for the result. */
export function SignedOut() {
  return (
    <section aria-labelledby="portal-result">
      <h2 id="portal-result" tabIndex={-1} className="text-title">
        You were signed out
      </h2>
      <p className="mt-1.5 max-w-[62ch] text-ink-2">
        We can’t check this connection until you sign in again. Nothing is lost: if you finished signing in at
        your brokerage, your connections will show it.
      </p>
      <ButtonLink href="/?callbackUrl=%2Fconnections" variant="filled" className="mt-7">
        Sign in again
      </ButtonLink>
    </section>
  );
}
