import type { Metadata, Viewport } from "next";
import localFont from "next/font/local";
import { cookies, headers } from "next/headers";
import { connection } from "next/server";
import type { ReactNode } from "react";
import { ReaderHints } from "@/components/reader-hints";
import { GlyphSheet } from "@/components/ui/link-glyph";
import { brandCss } from "@/lib/base/brand";
import { env } from "@/lib/base/env";
import "./globals.css";

const hanken = localFont({
  src: "../node_modules/@fontsource-variable/hanken-grotesk/files/hanken-grotesk-latin-wght-normal.woff2",
  weight: "100 900",
  display: "swap",
  variable: "--font-hanken",
});

export async function generateMetadata(): Promise<Metadata> {
  await connection();
  const { APP_NAME } = env();
  return {
    title: { default: APP_NAME, template: `%s · ${APP_NAME}` },
    robots: { index: false },
    referrer: "same-origin",
  };
}

export const viewport: Viewport = { width: "device-width", initialScale: 1, colorScheme: "light dark" };

export default async function RootLayout({ children }: { children: ReactNode }) {
  const nonce = (await headers()).get("x-nonce") ?? undefined;
  const timeZone = (await cookies()).get("time-zone")?.value ?? null;
  return (
    <html lang="en" className={hanken.variable}>
      <head>
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: brandCss(env().BRAND_COLOR) }} />
      </head>
      <body className="flex min-h-dvh flex-col">
        <GlyphSheet />
        {children}
        <ReaderHints timeZone={timeZone} />
      </body>
    </html>
  );
}
