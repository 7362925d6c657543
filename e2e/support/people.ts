import { randomInt } from "node:crypto";
import { Control, type SeededConnection } from "./control";
import { Visitor } from "./visitor";

export interface Servers {
  appUrl: string;
  emulatorUrl: string;
}

export interface Person {
  email: string;
  visitor: Visitor;
  control: Control;
  /** Their id at SnapTrade. */
  snapTradeUserId: string;
  /** Where their first portal session returns to; opening it makes the app look at SnapTrade. */
  returnPath: string;
}

/** A unique address, so that each person has their own network. */
const newNetwork = () => `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`;

/** Requests a sign-in link and reads it from the mailbox without using it. */
export async function askForLink({ appUrl, emulatorUrl }: Servers, email: string): Promise<string> {
  const control = new Control(emulatorUrl);
  const earlier = await control.get<{ id: string }[]>(`/mail?to=${encodeURIComponent(email)}`);
  await new Visitor(appUrl, newNetwork()).submit("/", (form) => form.includes('name="email"'), { email });
  const mail = await control.waitForMail(email, earlier[0]?.id);
  const link = mail.links.find((candidate) => candidate.startsWith(`${appUrl}/sign-in?`));
  if (!link) throw new Error("The sign-in mail has no link");
  return link;
}

/** Creates a signed-in person who is registered at SnapTrade, through the app's own pages. */
export async function makePerson(servers: Servers, email: string): Promise<Person> {
  const visitor = new Visitor(servers.appUrl);
  const control = new Control(servers.emulatorUrl);
  await visitor.submit(await askForLink(servers, email), (form) => form.includes(`Sign in as ${email}`));
  // Opening the portal registers the person; the portal's session reveals their id.
  const portal = await visitor.submit("/connections/new", (form) => form.includes('value="ALPACA"'));
  const sessionId = new URL(portal).searchParams.get("sessionId");
  const { userId, body } = await control.get<{ userId: string; body: { customRedirect: string } }>(
    `/sessions/${sessionId}`,
  );
  return {
    email,
    visitor,
    control,
    snapTradeUserId: userId,
    returnPath: new URL(body.customRedirect).pathname,
  };
}

/** Gives the person connections at SnapTrade and makes the app look at them. */
export async function seedConnections(
  person: Person,
  connections: SeededConnection[],
): Promise<{ id: string }[]> {
  const made: { id: string }[] = [];
  for (const connection of connections)
    made.push(await person.control.post(`/users/${person.snapTradeUserId}/connections`, connection));
  await person.visitor.open(`${person.returnPath}?status=ABANDONED`);
  return made;
}
