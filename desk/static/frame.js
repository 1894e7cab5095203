// The desk within a platform's admin. Browsers give a page that stands in another site's frame no cookie: so this page stays,
// fetches the desk's ordinary pages, and shows them in itself. The signed session and the platform's token go in headers.
"use strict";
window.desk = (() => {
  const own = document.currentScript.dataset;
  const RENEW_MILLISECONDS = 4 * 60 * 1000;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  let session = own.session;
  let here = "";
  let turn = Promise.resolve();

  // What the platform's own script says of who is there; nothing where it has none: then the session holds it.
  async function token() {
    if (!own.token) return "";
    const path = own.token.split(".");
    const name = path.pop();
    const holder = path.reduce((found, each) => found[each], window);
    return holder[name]();
  }

  async function send(address, options) {
    const headers = new Headers(options.headers);
    headers.set("X-Desk-Session", session);
    headers.set("X-Time-Zone", zone);
    headers.set("Accept-Language", document.documentElement.lang);
    const proof = await token();
    if (proof) headers.set("Authorization", `Bearer ${proof}`);
    const answer = await fetch(address, { ...options, headers, credentials: "omit", redirect: "error" });
    session = answer.headers.get("X-Desk-Session") || session;
    return answer;
  }

  // One request after the other: each takes along the session that the one before it brought.
  function ask(address, options = {}) {
    const answer = turn.then(() => send(address, options));
    turn = answer.catch(() => {});
    return answer;
  }

  function inside(address) {
    const found = new URL(address, location.origin + (here || "/"));
    return found.origin === location.origin ? found.pathname + found.search + found.hash : own.open || "/orders";
  }

  async function go(address, options, push = true) {
    const wanted = inside(address);
    document.documentElement.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(wanted, options);
      const place = answer.headers.get("X-Desk-Place");
      if (place) return await go(place);
      if (answer.status === 401) return tell(own.over);
      if (!(answer.headers.get("Content-Type") || "").startsWith("text/html")) return keep(await answer.blob());
      const read = !options || (options.method || "GET") === "GET";
      if (read && push) history.pushState(null, "", `#${wanted}`);
      if (read) here = wanted;
      show(await answer.text(), wanted);
    } catch {
      tell(own.lost);
    } finally {
      document.documentElement.removeAttribute("aria-busy");
    }
  }

  function show(text, address) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    document.title = fresh.title;
    document.documentElement.lang = fresh.documentElement.lang;
    document.documentElement.classList.add("framed");
    const again = fresh.querySelector("meta[http-equiv=refresh]");
    if (again) { again.remove(); lookAgain(Number(again.content)); }
    document.body.replaceWith(document.adoptNode(fresh.body));
    const anchor = address.split("#")[1];
    if (anchor) meet(anchor);
    else scrollTo(0, 0);
    document.dispatchEvent(new Event("desk:shown"));
  }

  // A page that wants to be loaded again would load this one instead of itself.
  function lookAgain(seconds) {
    const shown = here;
    setTimeout(() => { if (here === shown) go(here, undefined, false); }, seconds * 1000);
  }

  function meet(id) {
    const found = document.getElementById(id);
    if (!found) return;
    found.scrollIntoView();
    found.focus({ preventScroll: true });
  }

  // Papers open beside the admin, or are saved where that is not allowed.
  function keep(blob) {
    const address = URL.createObjectURL(blob);
    if (window.open(address, "_blank")) return;
    const link = document.createElement("a");
    link.href = address;
    link.download = "";
    link.click();
  }

  function tell(text) {
    const said = document.createElement("p");
    said.className = "flash refused";
    said.setAttribute("role", "alert");
    said.textContent = text;
    document.querySelectorAll("main > .flash").forEach((old) => old.remove());
    document.querySelector("main").prepend(said);
    document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || link.origin !== location.origin || link.target === "_blank") return;
    event.preventDefault();
    const wanted = link.getAttribute("href");
    if (wanted.startsWith("#")) meet(wanted.slice(1));
    else go(wanted);
  });

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    const [form, button] = [event.target, event.submitter];
    const filled = new FormData(form, button);
    const fields = form.enctype === "multipart/form-data" ? filled : new URLSearchParams(filled);
    const action = (button && button.getAttribute("formaction")) || form.getAttribute("action") || here;
    if ((form.getAttribute("method") || "get").toLowerCase() === "get") go(`${action.split("?")[0]}?${fields}`);
    else go(action, { method: "POST", body: fields });
  });

  addEventListener("popstate", () => go(location.hash.slice(1) || own.open || here, undefined, false));

  // What stood in the address is used up or ends soon; this one may be loaded again, and holds nothing but where one was.
  const before = location.hash;
  history.replaceState(null, "", own.here + before);
  if (before.startsWith("#/")) go(before.slice(1), undefined, false);
  else if (own.open) go(own.open);
  setInterval(() => ask(own.alive, { method: "HEAD" }).catch(() => {}), RENEW_MILLISECONDS);

  return { ask, go, here: () => here };
})();
