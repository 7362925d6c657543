import type { NoticeKind } from "./rules";

/** One notice as the list shows it. */
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
  /** Minutes of the person's day; equal for no quiet hours. */
  quietFrom: number;
  quietTo: number;
}
