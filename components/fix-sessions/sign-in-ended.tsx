import { ButtonLink } from "../ui/button";

/** For someone who isn't signed in, or no longer: a link signs in one browser, once, for ten minutes. */
export function SignInEnded({ appName, returnTo }: { appName: string; returnTo: string }) {
  return (
    <section aria-labelledby="ended">
      <h1 id="ended" className="text-title">
        You’re not signed in here
      </h1>
      <p className="mt-2 text-ink-2">
        If you finished signing in at your brokerage, nothing is lost: SnapTrade reports it to {appName}, and
        you can close this page. Otherwise, go back to {appName} and start again, or sign in here.
      </p>
      <ButtonLink href={`/?callbackUrl=${encodeURIComponent(returnTo)}`} className="mt-5 w-full wide:w-auto">
        Sign in
      </ButtonLink>
    </section>
  );
}
