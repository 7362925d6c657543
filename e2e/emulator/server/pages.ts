import { html, raw } from "hono/html";

export type Html = ReturnType<typeof html>;

const style = `
:root { color-scheme: light dark; --ink: light-dark(#1c2330, #e8ecf2); --soft: light-dark(#5c6675, #9aa5b4); --line: light-dark(#d9dde3, #343d4b); --card: light-dark(#fff, #1b212b); --accent: light-dark(#1f5fbf, #7fb0ff); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1040px; padding: 20px 20px 60px; background: light-dark(#f4f5f7, #12161d); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
nav { display: flex; gap: 18px; margin-bottom: 12px; }
a { color: var(--accent); }
h1 { font-size: 24px; margin: 0 0 6px; } h2 { font-size: 18px; margin: 26px 0 8px; overflow-wrap: anywhere; } h3 { font-size: 15px; margin: 16px 0 4px; }
p { margin: 0 0 10px; } small, .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; margin: 0 0 16px; }
section h2 { margin-top: 0; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); } th, td { padding: 5px 10px 5px 0; border-top: 1px solid var(--line); vertical-align: top; }
button { font: inherit; font-size: 13.5px; padding: 3px 9px; margin: 2px 4px 2px 0; color: var(--ink); background: transparent; border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
button:hover { border-color: var(--accent); }
select { font: inherit; font-size: 13.5px; padding: 3px; }
code, pre { font: 12.5px/1.5 ui-monospace, monospace; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; }
iframe { width: 100%; height: 60vh; background: #fff; border: 1px solid var(--line); border-radius: 8px; }
`;

/** A page for the person running the emulator; the portal has its own design. */
export function toolPage(title: string, content: Html, script = ""): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${raw(style)}
        </style>
      </head>
      <body>
        <nav><a href="/control">Control</a><a href="/mailbox">Mailbox</a></nav>
        ${content}
        <script>
          ${raw(script)};
        </script>
      </body>
    </html>`;
}
