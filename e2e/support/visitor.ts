/** A visitor without a browser: keeps cookies, reads pages, and submits forms. */
export class Visitor {
  private readonly cookies = new Map<string, string>();

  /** @param address where they come from, for an app that trusts this machine's X-Forwarded-For */
  constructor(
    readonly appUrl: string,
    private readonly address = "",
  ) {}

  cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Opens a page and follows redirects within the app. */
  async open(place: string): Promise<string> {
    const answer = await this.request(place);
    return answer.text();
  }

  /**
   * Submits the first form on a page for which `pick` returns true, like a browser without JavaScript.
   * @returns where the answer leads
   */
  async submit(
    place: string,
    pick: (form: string) => boolean,
    fields: Record<string, string> = {},
  ): Promise<string> {
    const page = await this.open(place);
    const form = [...page.matchAll(/<form\b[^>]*>.*?<\/form>/gs)].map(([text]) => text).find(pick);
    if (!form) throw new Error(`No such form on ${place}`);
    const body = new FormData();
    for (const [tag] of form.matchAll(/<input\b[^>]*>|<button\b[^>]*>/g)) {
      const name = attribute(tag, "name");
      if (name) body.append(name, attribute(tag, "value") ?? "");
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const target = attribute(/<form\b[^>]*>/.exec(form)?.[0] ?? "", "action") || place;
    const answer = await this.request(target, { method: "POST", body, redirect: "manual" });
    return answer.headers.get("location") ?? refreshOf(await answer.text()) ?? place;
  }

  private async request(place: string, options: RequestInit = {}): Promise<Response> {
    let url = new URL(place, this.appUrl);
    for (let hops = 0; hops < 10; hops++) {
      const answer = await fetch(url, {
        ...options,
        headers: {
          Cookie: this.cookieHeader(),
          Origin: this.appUrl,
          ...(this.address ? { "X-Forwarded-For": this.address } : {}),
        },
        redirect: "manual",
      });
      this.keep(answer);
      const location = answer.headers.get("location");
      if (!location || options.redirect === "manual") return answer;
      url = new URL(location, url);
      if (url.origin !== new URL(this.appUrl).origin) throw new Error(`${place} leads away from the app`);
    }
    throw new Error(`${place} redirects endlessly`);
  }

  private keep(answer: Response) {
    for (const header of answer.headers.getSetCookie()) {
      const [pair = ""] = header.split(";");
      this.cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
  }
}

/** The target of a page that leads to another site. */
function refreshOf(html: string): string | null {
  const content = attribute(/<meta http-equiv="refresh"[^>]*>/.exec(html)?.[0] ?? "", "content");
  return content?.split(";url=")[1] ?? null;
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return found
    ?.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll("&quot;", '"')
    .replaceAll("&#x27;", "'")
    .replaceAll("&amp;", "&");
}
