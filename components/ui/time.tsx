import { fullTime, type Viewer } from "@/lib/base/times";

/** A time as text, with the exact moment for machines and on hover. */
export function Time({
  at,
  viewer,
  children,
  className,
}: {
  at: Date;
  viewer: Viewer;
  children: string;
  className?: string;
}) {
  return (
    <time dateTime={at.toISOString()} title={fullTime(viewer, at)} className={className}>
      {children}
    </time>
  );
}
