import Link from "next/link";
import type { ComponentProps } from "react";

export type ButtonVariant = "filled" | "secondary" | "quiet" | "danger";

const variantClasses: Record<ButtonVariant, string> = {
  filled: "bg-fill text-on-fill hover:bg-fill-hover px-4",
  secondary: "border border-line-strong bg-surface text-ink hover:bg-sunken px-4",
  quiet: "text-ink-2 hover:text-ink px-1",
  danger: "border border-line-strong bg-surface text-danger hover:bg-danger-soft px-4",
};

/** The classes of a button, for any element that acts as one. */
function buttonClass(variant: ButtonVariant, className = ""): string {
  return `inline-flex min-h-11 items-center justify-center gap-2 rounded-button text-body font-semibold whitespace-nowrap transition-colors duration-[120ms] disabled:cursor-default disabled:opacity-60 wide:min-h-10 ${variantClasses[variant]} ${className}`;
}

export function Button({
  variant = "secondary",
  className,
  ...rest
}: ComponentProps<"button"> & { variant?: ButtonVariant }) {
  return <button type="button" {...rest} className={buttonClass(variant, className)} />;
}

export function ButtonLink({
  variant = "secondary",
  className,
  ...rest
}: ComponentProps<typeof Link> & { variant?: ButtonVariant }) {
  return <Link prefetch={false} {...rest} className={buttonClass(variant, className)} />;
}

/** A link that leaves the app: to another site, or into an app by its own scheme. */
export function ButtonAnchor({
  variant = "secondary",
  className,
  ...rest
}: ComponentProps<"a"> & { variant?: ButtonVariant }) {
  return <a rel="noreferrer" {...rest} className={buttonClass(variant, className)} />;
}
