import { requestSignIn } from "@/lib/auth/actions";
import { Button } from "../ui/button";
import { SubmitButton } from "../ui/submit-button";
import { PlainPage } from "./plain-page";

interface Props {
  appName: string;
  returnTo: string | null;
  error: string | null;
  /** Whether the error is about the address in the field. */
  isOfTheAddress: boolean;
  /** Whether a link by e-mail is offered. */
  byMail: boolean;
  /** What the company's identity provider is called; null if it isn't offered. */
  provider: string | null;
}

export function SignInForm({ appName, returnTo, error, isOfTheAddress, byMail, provider }: Props) {
  const fieldError = byMail && isOfTheAddress ? error : null;
  return (
    <PlainPage appName={appName} title="Sign in to see your connections">
      {error && !fieldError && <SignInError>{error}</SignInError>}
      {provider && (
        <form action="/sign-in/oidc" method="post" className="mt-6">
          {returnTo && <input type="hidden" name="returnTo" value={returnTo} />}
          <Button
            type="submit"
            variant={byMail ? "secondary" : "filled"}
            className="!min-h-11 w-full py-2 [overflow-wrap:anywhere] !whitespace-normal"
          >
            Continue with {provider}
          </Button>
        </form>
      )}
      {byMail && (
        <form action={requestSignIn} className={provider ? "mt-6 border-t border-line pt-6" : "mt-6"}>
          {returnTo && <input type="hidden" name="returnTo" value={returnTo} />}
          <label htmlFor="email" className="text-label">
            E-mail
          </label>
          <input
            id="email"
            name="email"
            type="email"
            autoComplete="email"
            required
            aria-describedby={fieldError ? "sign-in-error" : undefined}
            className="mt-1.5 h-11 w-full rounded-button border border-field bg-surface px-3.5 text-[1rem]"
          />
          {fieldError && <SignInError>{fieldError}</SignInError>}
          <SubmitButton variant="filled" pendingLabel="Sending the link…" className="mt-5 !min-h-11 w-full">
            E-mail me a sign-in link
          </SubmitButton>
        </form>
      )}
      <p className="mt-6 border-t border-line pt-4 text-small text-ink-2">
        {byMail && `The link signs you in to ${appName}. `}Never enter a brokerage password here.
      </p>
    </PlainPage>
  );
}

function SignInError({ children }: { children: string }) {
  return (
    <p id="sign-in-error" role="status" className="mt-2 text-small text-ink">
      {children}
    </p>
  );
}
