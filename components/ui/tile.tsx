// White letters have a contrast of at least 4.5:1 on each of these.
const colors = [
  "#20693f",
  "#3f7a2c",
  "#0070ad",
  "#5d3fb3",
  "#35322c",
  "#a3292d",
  "#9a6616",
  "#1d5bd0",
  "#8a3b78",
  "#5b5470",
];

function colorOf(slug: string): string {
  let sum = 0;
  for (const character of slug) sum = (sum * 31 + character.charCodeAt(0)) % 9973;
  return colors[sum % colors.length] ?? "#35322c";
}

function initialsOf(name: string): string {
  const words = name.split(/[\s*-]+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  return words
    .slice(0, 2)
    .map((word) => word.charAt(0).toUpperCase())
    .join("");
}

/** A brokerage's logo, if it has one, over initials that show until it has loaded. */
export function Tile({
  brokerage,
  size = 40,
  quiet = false,
}: {
  brokerage: { slug: string; name: string; logoUrl: string | null };
  size?: 24 | 32 | 40 | 44 | 56;
  quiet?: boolean;
}) {
  return (
    <span
      aria-hidden="true"
      className={`relative inline-flex shrink-0 items-center justify-center overflow-hidden font-semibold text-[#fff] ${quiet ? "opacity-60" : ""}`}
      style={{
        width: size,
        height: size,
        borderRadius: size > 44 ? 14 : size < 32 ? 6 : 10,
        background: colorOf(brokerage.slug),
        fontSize: size * 0.4,
      }}
    >
      {initialsOf(brokerage.name)}
      {brokerage.logoUrl && (
        <img
          src={brokerage.logoUrl}
          alt=""
          loading="lazy"
          referrerPolicy="no-referrer"
          className="absolute inset-0 size-full object-cover"
        />
      )}
    </span>
  );
}

export function EmptyTile() {
  return (
    <span
      aria-hidden="true"
      className="inline-block size-14 shrink-0 rounded-[14px] border border-dashed border-line-strong"
    />
  );
}
