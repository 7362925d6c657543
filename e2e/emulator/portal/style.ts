export const portalStyle = `
:root { --page: #f4f5f7; --card: #fff; --ink: #1c2330; --soft: #5c6675; --line: #d9dde3; --accent: #1f5fbf; --on-accent: #fff; --bad: #a8261c; }
[data-theme=dark] { color-scheme: dark; --page: #12161d; --card: #1b212b; --ink: #e8ecf2; --soft: #9aa5b4; --line: #343d4b; --accent: #7fb0ff; --on-accent: #0d1725; --bad: #ff9a90; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center; padding: 16px; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 430px; margin: auto 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 24px 24px; }
header { display: flex; justify-content: space-between; align-items: center; min-height: 32px; margin-bottom: 12px; color: var(--soft); font-weight: 600; letter-spacing: .02em; }
h1 { font-size: 21px; line-height: 1.25; margin: 0 0 8px; text-wrap: balance; }
p { margin: 0 0 14px; color: var(--soft); }
form { margin: 0; }
label { display: block; margin: 0 0 12px; font-weight: 500; }
input { display: block; width: 100%; margin-top: 4px; padding: 9px 11px; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 8px; }
.button, button:not(.close) { display: block; width: 100%; margin: 0 0 10px; padding: 10px 14px; text-align: center; text-decoration: none; font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 1px solid var(--accent); border-radius: 8px; cursor: pointer; }
.button.quiet, button.quiet:not(.close) { color: var(--ink); background: transparent; border-color: var(--line); }
.close { width: 32px; height: 32px; display: grid; place-items: center; padding: 0; font: 24px/1 system-ui, sans-serif; color: var(--soft); text-decoration: none; background: none; border: 0; border-radius: 8px; cursor: pointer; }
.close:hover { background: var(--page); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.bad { color: var(--bad); }
.choices { list-style: none; margin: 12px 0 0; padding: 0; max-height: 55vh; overflow: auto; border-top: 1px solid var(--line); }
.choices li { border-bottom: 1px solid var(--line); }
.choices a { display: flex; justify-content: space-between; padding: 10px 4px; color: var(--ink); text-decoration: none; font-weight: 500; }
.choices a:hover { background: var(--page); }
.choices small { color: var(--soft); font-weight: 400; }
table { width: 100%; margin-top: 16px; border-collapse: collapse; font-size: 13px; color: var(--soft); }
caption { text-align: left; padding-bottom: 4px; font-weight: 600; color: var(--ink); }
td { padding: 3px 0; border-top: 1px solid var(--line); vertical-align: top; }
td:first-child { padding-right: 10px; white-space: nowrap; }
code { font: 12.5px ui-monospace, monospace; color: var(--ink); }
.spinner { width: 28px; height: 28px; margin: 8px 0 16px; border: 3px solid var(--line); border-top-color: var(--accent); border-radius: 50%; animation: turn 1s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { .spinner { animation: none; } }
[data-when] { display: none; }
[data-state=ready] [data-when=ready], [data-state=waiting] [data-when=waiting], [data-state=closed] [data-when=closed], [data-state=blocked] [data-when=blocked] { display: block; }
footer { padding: 14px 0 0; font-size: 12.5px; color: var(--soft); }
`;
