import type { ReactNode } from "react";

export interface TimelineItem {
  key: string;
  /** Shown above the item if it is the first of its day. */
  day: string | null;
  time: ReactNode;
  what: string;
  detail: ReactNode;
  node: "good" | "you-ring" | "plain" | "you" | "to-come";
}

const nodes: Record<TimelineItem["node"], string> = {
  good: "bg-good-mark",
  "you-ring": "border-2 border-you-mark",
  plain: "bg-theirs-mark",
  you: "bg-you-mark",
  "to-come": "border-2 border-line-strong",
};

/** Events, oldest first; a hollow last node is still to come. */
export function Timeline({ items }: { items: TimelineItem[] }) {
  return (
    <ol>
      {items.map(({ key, day, time, what, detail, node }, index) => {
        const last = index === items.length - 1;
        const line =
          node === "good"
            ? "bg-good-mark"
            : items[index + 1]?.node === "to-come"
              ? "border-l-2 border-dotted border-line-strong"
              : "bg-line-strong";
        return (
          <li key={key}>
            {day && <p className="pb-2.5 pl-[90px] text-label text-ink-2 wide:pl-[104px]">{day}</p>}
            <div className="grid grid-cols-[62px_28px_1fr] wide:grid-cols-[76px_28px_1fr]">
              <span className="digits pt-0.5 text-small text-ink-2">{time}</span>
              <span aria-hidden="true" className="flex flex-col items-center pt-1.5">
                <span className={`size-2.5 shrink-0 rounded-full ${nodes[node]}`} />
                {!last && <span className={`my-1 w-0.5 flex-1 ${line}`} />}
              </span>
              <div className="pb-5">
                <p className={node === "to-come" ? "text-ink-2" : "font-semibold"}>{what}</p>
                {detail && <p className="max-w-[52ch] text-small text-ink-2">{detail}</p>}
              </div>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
