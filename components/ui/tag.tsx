export function Tag({ children }: { children: string }) {
  return (
    <span className="inline-block rounded-tag border border-line bg-surface px-1.5 text-[0.75rem] leading-[1.125rem] text-ink-2">
      {children}
    </span>
  );
}
