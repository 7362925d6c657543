import type { AppProcess } from "../programs";
import type { Simulation } from "../simulation";

export type WorldUser = NonNullable<ReturnType<Simulation["world"]["user"]>>;

export interface Person {
  index: number;
  /** Null for someone without an address. */
  email: string | null;
  /** The company's own id of them. */
  externalId: string;
  userId: string;
  /** Has asked to be forgotten. */
  leaving: boolean;
}

/** How a person reaches the app and SnapTrade. */
export interface Reach {
  page<T>(what: string, work: (process: AppProcess) => Promise<T>): Promise<T | null>;
  userOf(person: Person | undefined): WorldUser | undefined;
}
