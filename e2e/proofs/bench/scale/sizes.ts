/** How much one run of an operation read, and how long it took. */
export interface Measured {
  name: string;
  pages: number;
  /** In the database. */
  ms: number;
  wallMs: number;
}

/** Two sizes to compare, and what they have in common. */
export interface Sizes {
  small: number;
  large: number;
  breaksPerYear: number;
  heartbeatDays: number;
  /** How many connections break at once. */
  breaks: number;
}
