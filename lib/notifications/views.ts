import type { NoticeKind } from "./rules";

/** A notice as shown in the list. */
export interface NoticeView {
  id: string;
  kind: NoticeKind;
  at: Date;
  readAt: Date | null;
  connectionId: string;
  brokerage: { id: string; slug: string; name: string; logoUrl: string | null };
  /** The connection still needs reconnecting. */
  open: boolean;
}

export interface MailSettings {
  preference: "all" | "first" | "none";
  /** Quiet hours in minutes of the person's day; equal values mean no quiet hours. */
  quietFrom: number;
  quietTo: number;
}
