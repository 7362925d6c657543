import path from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: path.resolve("."),
  poweredByHeader: false,
  reactStrictMode: true,
  // `npm test` has just checked them, and a second time takes as long as the build.
  typescript: { ignoreBuildErrors: process.env.TYPES_ARE_CHECKED === "true" },
  // A title comes with its page, never a moment later: it carries how many connections need the reader.
  htmlLimitedBots: /.*/,
  // They find their binaries and WebAssembly beside their own files.
  serverExternalPackages: ["@electric-sql/pglite", "fs-native-extensions", "pino"],
  outputFileTracingIncludes: {
    "/**": [
      "./drizzle/**",
      "./node_modules/@electric-sql/pglite/dist/**",
      "./node_modules/fs-native-extensions/**",
      "./node_modules/require-addon/**",
      "./node_modules/which-runtime/**",
      "./node_modules/bare-*/**",
    ],
  },
  headers: () =>
    Promise.resolve([
      {
        source: "/:path*",
        headers: [
          { key: "Referrer-Policy", value: "same-origin" },
          { key: "X-Content-Type-Options", value: "nosniff" },
          // Stricter would cut the portal's own sign-in windows off from it (docs/snaptrade.md §4.7).
          { key: "Cross-Origin-Opener-Policy", value: "same-origin-allow-popups" },
          { key: "Strict-Transport-Security", value: "max-age=31536000; includeSubDomains" },
        ],
      },
      // The pages that go on to the portal or to the identity provider must leak nothing and bring their own
      // policy.
      ...["/portal/open", "/sign-in/oidc"].map((source) => ({
        source,
        headers: [{ key: "Referrer-Policy", value: "no-referrer" }],
      })),
      // Pages get theirs from proxy.ts, with a nonce; anything else may load and run nothing.
      ...["/api/:path((?!v1/docs$).*)", "/icon.svg", "/r/:path*"].map((source) => ({
        source,
        headers: [{ key: "Content-Security-Policy", value: "default-src 'none'; frame-ancestors 'none'" }],
      })),
      // Who may frame a page is up to EMBED_ORIGINS (lib/base/framing.ts); nothing else is ever framed.
      ...["/api/:path*", "/icon.svg", "/r/:path*"].map((source) => ({
        source,
        headers: [{ key: "X-Frame-Options", value: "DENY" }],
      })),
      // Public code, which tools in other people's browsers may read too.
      { source: "/r/:path*", headers: [{ key: "Access-Control-Allow-Origin", value: "*" }] },
    ]),
};

export default config;
