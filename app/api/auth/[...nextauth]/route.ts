import { handleAuth } from "@/lib/auth/handler";

export { handleAuth as GET, handleAuth as POST };

/** Scanners of mail ask for a link before its reader does; that must not spend it. */
export function HEAD() {
  return new Response(null, { status: 204 });
}
