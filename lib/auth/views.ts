/** One of a person's sessions, as their page shows it. */
export interface SessionView {
  id: string;
  /** Such as "Firefox on Windows"; empty if unknown. */
  device: string;
  createdAt: Date;
  /** Up to five minutes old. */
  lastUsedAt: Date;
}
