/** The emulator's control API (e2e/emulator/README.md). */
export class Control {
  constructor(readonly emulatorUrl: string) {}

  async get<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.emulatorUrl}/control/api${path}`);
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`);
    return (await answer.json()) as T;
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    const answer = await fetch(`${this.emulatorUrl}/control/api${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async remove(path: string): Promise<void> {
    const answer = await fetch(`${this.emulatorUrl}/control/api${path}`, { method: "DELETE" });
    if (!answer.ok) throw new Error(`DELETE ${path} answered ${answer.status}`);
  }

  /** Waits for mail to an address and returns the newest. */
  waitForMail(
    to: string,
    after = "",
  ): Promise<{ id: string; subject: string; text: string; links: string[] }> {
    return this.get(
      `/mail/wait?to=${encodeURIComponent(to)}&after=${encodeURIComponent(after)}&timeoutMs=20000`,
    );
  }
}

export interface SeededConnection {
  brokerage: string;
  type?: "read" | "trade";
  disabled?: boolean;
  disabledDate?: string;
  createdDate?: string;
  dataAsOf?: string;
  accounts?: { name: string; number: string }[];
}
