import type { Metadata } from "next";
import { MailSettingsForm } from "@/components/notifications/mail-settings-form";
import { NoticeList } from "@/components/notifications/notice-list";
import { Notice } from "@/components/ui/notice";
import { requireUser } from "@/lib/auth/user";
import { errorSentence } from "@/lib/base/errors";
import { getMailSettings, listNotices } from "@/lib/notifications/data";
import { getReader } from "../../reader";

export const metadata: Metadata = { title: "Notifications" };

export default async function NotificationsPage({ searchParams }: PageProps<"/notifications">) {
  const user = await requireUser("/notifications");
  const { error, saved } = await searchParams;
  const { viewer, now } = await getReader();
  const [notices, settings] = await Promise.all([listNotices(user.id), getMailSettings(user.id)]);
  const sentence =
    errorSentence(error) ?? (saved ? "Saved. This applies to every e-mail from now on." : null);
  return (
    <>
      {sentence && <Notice>{sentence}</Notice>}
      <h1 className="text-[1.75rem] leading-[2.125rem] font-[560] tracking-[-0.024em] wide:text-display">
        Notifications
      </h1>
      <NoticeList notices={notices} viewer={viewer} now={now} hasAddress={user.email !== null} />
      {user.email && <MailSettingsForm settings={settings} email={user.email} />}
    </>
  );
}
