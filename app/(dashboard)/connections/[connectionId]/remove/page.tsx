import type { Metadata } from "next";
import { notFound, redirect } from "next/navigation";
import { RemoveConnection } from "@/components/connections/detail/remove-connection";
import { requireUser } from "@/lib/auth/user";
import { getConnectionDetail } from "@/lib/connections/pages/detail";
import { env } from "@/lib/base/env";
import { isShadow } from "@/lib/base/mode";
import { snapTradeId } from "@/lib/snaptrade/id";
import { getReader } from "../../../../reader";

export const metadata: Metadata = { title: "Remove a connection" };

export default async function RemovePage({ params }: PageProps<"/connections/[connectionId]/remove">) {
  const { connectionId } = await params;
  const user = await requireUser(`/connections/${connectionId}/remove`);
  const { moment } = await getReader();
  const id = snapTradeId.safeParse(connectionId);
  const detail = id.success ? await getConnectionDetail(user.id, id.data, moment) : null;
  if (!detail) notFound();
  const { status } = detail.connection;
  if (isShadow() || status === "removing" || status === "removed") redirect(`/connections/${connectionId}`);
  return <RemoveConnection connection={detail.connection} appName={env().APP_NAME} />;
}
