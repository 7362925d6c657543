/** Runs on every portal page. Only messages and the OAuth window depend on it. */
export const portalScript = `
(() => {
  const { view, messages, goTo } = JSON.parse(document.getElementById("facts").textContent);
  const framed = window.parent !== window;
  const hasOpener = !framed && !!window.opener;
  const say = (message) => (framed ? window.parent : window.opener)?.postMessage(message, "*");

  if (!view.popup && framed !== view.framed || !view.popup && hasOpener !== view.opener) {
    const here = new URL(location.href);
    framed ? here.searchParams.set("framed", "1") : here.searchParams.delete("framed");
    hasOpener ? here.searchParams.set("opener", "1") : here.searchParams.delete("opener");
    document.documentElement.hidden = true;
    location.replace(here.href);
    return;
  }
  if (!view.popup) for (const message of messages) say(message);
  if (goTo) return location.replace(goTo);

  let popup = null;
  let walkAway = null;
  const show = (state) => { document.querySelector("[data-oauth]").dataset.state = state; };

  async function watch(box) {
    const wasClosed = popup.closed;
    const { ended } = await (await fetch(box.dataset.outcome)).json();
    if (ended) { popup.close(); location.replace(box.dataset.result); return; }
    if (wasClosed) { popup = null; walkAway = "CLOSED"; show("closed"); return; }
    setTimeout(() => watch(box).catch(() => show("closed")), 250);
  }

  function openWindow(box) {
    if (popup && !popup.closed) return popup.focus();
    walkAway = null;
    popup = window.open(box.dataset.oauth, "brokerage-sign-in", "popup,width=520,height=680");
    if (!popup) return show("blocked");
    show("waiting");
    watch(box).catch(() => show("closed"));
  }

  addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-say], [data-open], [data-close-window]");
    if (!pressed) return;
    if (pressed.dataset.say) say(walkAway ?? pressed.dataset.say);
    if ("open" in pressed.dataset) openWindow(document.querySelector("[data-oauth]"));
    if ("closeWindow" in pressed.dataset) window.close();
  });
  addEventListener("DOMContentLoaded", () => {
    if (document.querySelector("[data-finished-window]")) window.close();
  });
})();
`;
