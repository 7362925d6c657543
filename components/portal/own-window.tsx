import { openOutside } from "@/lib/connections/actions";

/** What became of opening a page of ours in its own window. */
export type OwnWindow =
  { state: "opened" } | { state: "blocked"; url: string } | { state: "failed"; message: string };

/** Whether another site shows this page in a frame. SnapTrade's pages need cookies that they wouldn't have there. */
export const isInFrame = () => window.self !== window.top;

/** Opens a page of ours in its own window, signed in as the same person. Call it in the click itself. */
export async function openOwnWindow(place: string): Promise<OwnWindow> {
  // Browsers block a window that opens after the answer has arrived.
  const opened = window.open("about:blank");
  const made = await openOutside({ returnTo: place });
  if (!made.ok) {
    opened?.close();
    return { state: "failed", message: made.message };
  }
  if (!opened) return { state: "blocked", url: made.data.url };
  opened.opener = null;
  opened.location.href = made.data.url;
  return { state: "opened" };
}

export function OwnWindowNote({ outside }: { outside: OwnWindow }) {
  return (
    <p role="status" className="mt-2 max-w-[40ch] text-small text-ink">
      {outside.state === "failed" && outside.message}
      {outside.state === "opened" &&
        "SnapTrade’s page can’t open inside another page, so we opened a window for it. The result will appear here."}
      {outside.state === "blocked" && (
        <>
          SnapTrade’s page can’t open inside another page, and your browser blocked a new window.{" "}
          <a href={outside.url} target="_blank" rel="noopener" className="text-accent underline">
            Open it
          </a>
        </>
      )}
    </p>
  );
}
