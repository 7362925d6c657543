/** What one operation read and took, per time it was done. */
export interface Measured {
  name: string;
  pages: number;
  /** In the database. */
  ms: number;
  wallMs: number;
}

/** Two fleets to compare, and what they have in common. */
export interface Sizes {
  small: number;
  large: number;
  breaksPerYear: number;
  heartbeatDays: number;
  /** How many connections break at once. */
  breaks: number;
}
