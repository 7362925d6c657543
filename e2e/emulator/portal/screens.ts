import { html } from "hono/html";
import type { SignInKind } from "../world/brokerages";
import type { Ending, ListedBrokerage } from "../world/model";
import { testLogins } from "./attempt";
import type { Html } from "./layout";

const fieldNames: Record<SignInKind, { login: string; password: string }> = {
  credentials: { login: "User name", password: "Password" },
  code: { login: "User name", password: "Password" },
  oauth: { login: "User name", password: "Password" },
  "api-key": { login: "API key", password: "API secret" },
};

export function chooseScreen(choices: { brokerage: ListedBrokerage; href: string }[]): Html {
  const hint = ({ maintenance_mode, is_degraded }: ListedBrokerage) =>
    maintenance_mode ? "Under maintenance" : is_degraded ? "Connectivity issue" : "";
  return html`<h1>Choose your brokerage</h1>
    <p>You sign in on its own page; your password stays there.</p>
    <ul class="choices">
      ${choices.map(
        ({ brokerage, href }) =>
          html`<li>
            <a href="${href}"><span>${brokerage.displayName}</span> <small>${hint(brokerage)}</small></a>
          </li>`,
      )}
    </ul>`;
}

export interface SignInScreen {
  brokerage: ListedBrokerage;
  reconnecting: boolean;
  /** Where the form is posted. */
  action: string;
}

export function signInScreen({ brokerage, reconnecting, action }: SignInScreen): Html {
  const { login, password } = fieldNames[brokerage.signIn];
  const verb = reconnecting ? "Reconnect" : "Connect";
  return html`<h1>${verb} ${brokerage.displayName}</h1>
    <p>
      ${reconnecting ? "Sign in with the same login as before." : `Sign in with your ${brokerage.displayName} login.`}
    </p>
    ${credentialsForm({ action, login, password, submit: verb })} ${loginTable(brokerage, reconnecting)}`;
}

/** The brokerage's own OAuth page. */
export function brokerageScreen(
  { brokerage, reconnecting, action }: SignInScreen,
  cancel: string | null,
): Html {
  return html`<h1>Sign in at ${brokerage.displayName}</h1>
    <p>${brokerage.displayName} wants to know if SnapTrade may read your accounts.</p>
    ${credentialsForm({ action, login: "User name", password: "Password", submit: "Sign in and allow" })}
    ${
      cancel === null
        ? html`<button type="button" class="quiet" data-close-window>Cancel</button>`
        : html`<a class="button quiet" href="${cancel}">Cancel</a>`
    }
    ${loginTable(brokerage, reconnecting)}`;
}

function credentialsForm({
  action,
  login,
  password,
  submit,
}: {
  action: string;
  login: string;
  password: string;
  submit: string;
}): Html {
  return html`<form method="post" action="${action}">
    <label>${login}<input name="login" autocomplete="off" autocapitalize="none" spellcheck="false" /></label>
    <label>${password}<input name="password" type="password" autocomplete="off" /></label>
    <button type="submit">${submit}</button>
  </form>`;
}

function loginTable({ signIn }: ListedBrokerage, reconnecting: boolean): Html {
  const fitting = testLogins.filter(
    ({ onlyWhen }) => onlyWhen === undefined || (onlyWhen === "reconnect") === reconnecting,
  );
  return html`<table>
      <caption>
        Test logins
      </caption>
      <tbody>
        ${fitting.map(
          ({ name, happens }) =>
            html`<tr>
              <td><code>${name}</code></td>
              <td>${happens}</td>
            </tr>`,
        )}
        ${
          signIn === "code"
            ? html`<tr>
                <td><code>123456</code></td>
                <td>The correct code; 000000 is wrong (1086)</td>
              </tr>`
            : ""
        }
      </tbody>
    </table>
    <p><small>The ${fieldNames[signIn].password.toLowerCase()} can be anything.</small></p>`;
}

export function codeScreen(brokerage: ListedBrokerage, action: string, login: string): Html {
  return html`<h1>Enter your code</h1>
    <p>
      ${brokerage.displayName} has sent you a code. Here it is always <code>123456</code>;
      <code>000000</code> is wrong.
    </p>
    <form method="post" action="${action}">
      <input type="hidden" name="login" value="${login}" />
      <label>Code<input name="code" inputmode="numeric" autocomplete="off" /></label>
      <button type="submit">Continue</button>
    </form>`;
}

export function oauthScreen(brokerage: ListedBrokerage, reconnecting: boolean, target: string): Html {
  return html`<h1>${reconnecting ? "Reconnect" : "Connect"} ${brokerage.displayName}</h1>
    <p>You sign in on ${brokerage.displayName}'s own page and come back here.</p>
    <a class="button" href="${target}">Continue to ${brokerage.displayName}</a>`;
}

export function framedOauthScreen(
  brokerage: ListedBrokerage,
  reconnecting: boolean,
  urls: { oauth: string; outcome: string; result: string },
): Html {
  const name = brokerage.displayName;
  return html`<div
    data-oauth="${urls.oauth}"
    data-outcome="${urls.outcome}"
    data-result="${urls.result}"
    data-state="ready"
  >
    <div data-when="ready">
      <h1>${reconnecting ? "Reconnect" : "Connect"} ${name}</h1>
      <p>You sign in on ${name}'s own page, in a new window.</p>
      <button type="button" data-open>Continue to ${name}</button>
    </div>
    <div data-when="waiting" role="status">
      <h1>Continue in the ${name} window</h1>
      <p>This page continues on its own when you finish there.</p>
      <div class="spinner"></div>
      <button type="button" class="quiet" data-open>Show the window</button>
    </div>
    <div data-when="closed" role="status">
      <h1>The ${name} window was closed</h1>
      <p>The sign-in was not finished.</p>
      <button type="button" data-open>Try again</button>
    </div>
    <div data-when="blocked" role="status">
      <h1>Your browser blocked the window</h1>
      <p>Allow pop-up windows for this page, then try again.</p>
      <button type="button" data-open>Try again</button>
    </div>
  </div>`;
}

export function maintenanceScreen({ displayName }: ListedBrokerage): Html {
  return html`<h1>${displayName} is under maintenance</h1>
    <p>You can't connect right now. Please try again later.</p>`;
}

export function unavailableScreen({ displayName }: ListedBrokerage): Html {
  return html`<h1>${displayName} is not available</h1>
    <p>New connections to this brokerage aren't offered right now.</p>`;
}

export function degradedScreen({ displayName }: ListedBrokerage, goOn: string): Html {
  return html`<h1>${displayName} has a connectivity issue</h1>
    <p>Signing in may fail or take longer than usual.</p>
    <a class="button" href="${goOn}">Continue anyway</a>`;
}

export function hangScreen(reconnecting: boolean): Html {
  return html`<div role="status">
    <h1>${reconnecting ? "Reconnecting…" : "Connecting…"}</h1>
    <div class="spinner"></div>
  </div>`;
}

export function successScreen(reconnecting: boolean, done: Html | ""): Html {
  return html`<h1>${reconnecting ? "Reconnected" : "Connected"}</h1>
    <p>${done === "" ? "You can close this page." : "You're all set."}</p>
    ${done}`;
}

export function errorScreen(ending: Extract<Ending, { kind: "error" }>, actions: Html): Html {
  return html`<div role="alert">
      <h1 class="bad">That did not work</h1>
      <p>${ending.detail}</p>
    </div>
    <p><small>Code ${ending.code}</small></p>
    ${actions}`;
}

export function expiredScreen(actions: Html | ""): Html {
  return html`<div role="alert"><h1>This sign-in page has expired</h1></div>
    <p>A link works once, for five minutes. Go back and start again.</p>
    ${actions}`;
}

export function windowFinishedScreen(): Html {
  return html`<div data-finished-window>
    <h1>All done here</h1>
    <p>You can close this window.</p>
  </div>`;
}

export function leftScreen(): Html {
  return html`<h1>You left the sign-in</h1>
    <p>You can close this page.</p>`;
}
