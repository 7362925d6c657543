/** The partner's mark: the link glyph on the partner's color. */
export function PartnerMark({ size = 24 }: { size?: 24 | 36 | 44 | 56 }) {
  return (
    <span
      aria-hidden="true"
      className="inline-flex shrink-0 items-center justify-center bg-fill text-on-fill"
      style={{ width: size, height: size, borderRadius: size > 44 ? 14 : size > 24 ? 10 : 6 }}
    >
      <svg
        width={size * 0.66}
        height={size * 0.66}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.4"
        strokeLinecap="round"
      >
        <path d="M6.5 17.5 10 14M14 10l3.5-3.5M10.5 13.5l3-3" />
        <circle cx="5" cy="19" r="3" fill="currentColor" stroke="none" />
        <circle cx="19" cy="5" r="3" fill="currentColor" stroke="none" />
      </svg>
    </span>
  );
}
