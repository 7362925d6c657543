import { randomUUID } from "node:crypto";
import type { BrowserContext } from "@playwright/test";
import { startLarch } from "../../demo/larch/server";
import { startBeside } from "../../support/beside";
import type { Customer } from "../../support/company";
import type { SeededConnection } from "../../support/control";
import { freePort } from "../../support/ground.mjs";
import { startIdentityProvider } from "../../support/identity-provider";

/** Where a phone would open Larch's app. */
export const appLink = "larch://reconnected";

/** Reconnect beside Larch, which has its own people, an identity provider, and an endpoint for events. */
export async function setStage() {
  const ports = { app: await freePort(), larch: await freePort(), provider: await freePort() };
  const larchUrl = `http://localhost:${ports.larch}`;
  const appUrl = `http://localhost:${ports.app}`;
  const provider = await startIdentityProvider({ port: ports.provider, appUrl }, {});
  const settings = {
    ...provider.settings,
    SIGN_IN: "email,oidc",
    OIDC_NAME: "Larch ID",
    RETURN_URLS: `${larchUrl},larch://`,
    EVENTS_ALLOW_PRIVATE: "true",
  };
  const beside = await startBeside(settings, ports.app);
  const { company } = beside;
  const endpoint = await company.call<{ secret: string }>("POST", "endpoints", { url: `${larchUrl}/events` });
  const larch = await startLarch({
    port: ports.larch,
    reconnectUrl: beside.servers.appUrl,
    apiKey: company.apiKey,
    signingSecret: endpoint.secret,
    personOf: (request) => ({
      externalId: /customer=([\w-]+)/.exec(request.headers.get("Cookie") ?? "")?.[1] ?? "nobody",
      name: "Maya Tremblay",
    }),
  });
  return {
    appUrl,
    company,
    larch,
    /** Someone whom Larch registered at SnapTrade before it had Reconnect, and has handed over since. */
    async bring(...connections: SeededConnection[]): Promise<Customer> {
      const customer = await company.register(randomUUID(), connections);
      if (!(await company.adopt(customer))) throw new Error("The person can't be adopted");
      return customer;
    },
    /** Signs the browser in to Larch. */
    enterLarch: (context: BrowserContext, { externalId }: Customer) =>
      context.addCookies([{ name: "customer", value: externalId, url: larch.url }]),
    /** The types of the events about a person that Larch has received and verified, oldest first. */
    heard: ({ externalId }: Customer) =>
      larch
        .receivedAbout(externalId)
        .map(({ type }) => type)
        .reverse(),
    stop: () => Promise.all([larch.stop(), beside.stop(), provider.stop()]),
  };
}
