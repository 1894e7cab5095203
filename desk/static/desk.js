// Saves clicks and keeps the page fresh. Every page works without it.
"use strict";

const LIVE_MILLISECONDS = 8000;
const root = document.documentElement;
root.classList.add("js");

// Within a platform's admin the pages come and go in one document (frame.js); elsewhere each is a document of its own.
const ask = (address, options) => (window.desk ? window.desk.ask(address, options) : fetch(address, options));
const goTo = (address) => { if (window.desk) window.desk.go(address); else location.href = address; };
const here = () => (window.desk ? window.desk.here() : location.href);

// The server writes times in the browser's zone from the next answer on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax`;

function begin() {
  const wanting = document.querySelector("[data-focus]");
  if (wanting) wanting.focus({ preventScroll: wanting.classList.contains("flash") });
  const room = document.querySelector(".rooms [aria-current]");
  if (room) room.parentElement.scrollLeft = room.offsetLeft - room.parentElement.offsetLeft; // on a phone the menu is wider than the page
  known = "";
  countTicked();
  refresh();
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// A click anywhere in a row opens the order, unless text is being selected or something else was meant.
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-href]");
  if (!row || event.target.closest("a, button, input, label, select") || String(getSelection())) return;
  if ((event.ctrlKey || event.metaKey) && !window.desk) window.open(row.dataset.href, "_blank", "noopener");
  else goTo(row.dataset.href);
});

// A blocked button can be reached and says why; it must not do anything. A form is sent once.
document.addEventListener("click", (event) => {
  const blocked = event.target.closest("[aria-disabled=true]");
  if (!blocked) return;
  event.preventDefault();
  const why = document.getElementById(blocked.getAttribute("aria-describedby"));
  const field = why && why.querySelector("input:not([type=hidden])");
  if (field) field.focus();
  else if (why) why.scrollIntoView({ block: "center" });
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

// Keyboard: "/" searches, "?" searches names, j and k walk the list, x ticks, m goes to what comes next (see /components).
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("input, select, textarea")) event.target.blur();
  if (event.target.matches("input:not([type=checkbox]), select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const search = document.querySelector("[type=search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
  if (event.key === "?") {
    const search = document.querySelector("[type=search]");
    if (search) { event.preventDefault(); search.value = "?"; search.focus(); }
  }
  if (event.key === "x") {
    const row = event.target.closest("[data-order]");
    const box = row && row.querySelector("[name=order]");
    if (box) box.click();
  }
  if (event.key === "m") {
    const main = document.querySelector(".acts .button.main, .acts .button[aria-disabled]");
    if (main) { event.preventDefault(); main.focus(); }
  }
  if (event.key === "j" || event.key === "k") walk(event.key === "j" ? 1 : -1);
});

function walk(by) {
  const links = [...document.querySelectorAll(".orders .open")];
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)];
  if (next) next.focus();
}

// Bulk acts: what is ticked is counted, and only the fields of the chosen act are shown.
function countTicked() {
  const bulk = document.querySelector("[data-bulk]");
  if (!bulk) return;
  const boxes = [...document.querySelectorAll("[name=order]")];
  const ticked = boxes.filter((box) => box.checked).length;
  const act = bulk.querySelector("[data-act]").value;
  bulk.classList.toggle("idle", !ticked);
  bulk.querySelector("[data-ticked]").textContent = ticked ? `${bulk.querySelector("[data-ticked]").dataset.words} ${ticked}` : "";
  bulk.querySelector("[data-all]").checked = ticked > 0 && ticked === boxes.length;
  bulk.querySelectorAll("[data-for]").forEach((field) => field.classList.toggle("wanted", field.dataset.for.split(" ").includes(act)));
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) document.querySelectorAll("[name=order]").forEach((box) => { box.checked = event.target.checked; });
  if (event.target.matches("[data-all], [name=order], [data-act]")) countTicked();
});

const live = () => document.querySelector("[data-live]");
let known = "";

async function refresh() {
  const place = live();
  if (document.hidden || !place) return;
  let answer;
  try {
    answer = await ask(here(), { headers: { "X-Live": "1" }, credentials: "same-origin", redirect: "error" });
  } catch {
    return; // no network now: the page stays as it is, and the next round tries again
  }
  if (!answer.ok) return;
  const fragment = await answer.text();
  if (fragment === known || place !== live()) return;
  if (known || !shows(place, fragment)) replace(place, fragment);
  known = fragment;
}

// Whether this is what stands there already: something may have come in since the page was made.
function shows(place, fragment) {
  const read = document.createElement("div");
  read.innerHTML = fragment;
  return read.innerHTML.trim() === place.innerHTML.trim();
}

function replace(place, fragment) {
  const focused = document.activeElement && place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const before = new Set([...place.querySelectorAll("[data-order]")].map((row) => row.dataset.order));
  const ticked = new Set([...place.querySelectorAll("[name=order]:checked")].map((box) => box.value));
  place.innerHTML = fragment;
  place.querySelectorAll("[name=order]").forEach((box) => { box.checked = ticked.has(box.value); });
  countTicked();
  const fresh = [...place.querySelectorAll("[data-order]")].filter((row) => !before.has(row.dataset.order));
  fresh.forEach((row) => row.classList.add("fresh"));
  if (fresh.length) announce();
  const again = focused && [...place.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused);
  if (again) again.focus({ preventScroll: true });
}

function announce() {
  const news = document.getElementById("news");
  news.textContent = "";
  setTimeout(() => { news.textContent = news.dataset.new; }, 50);
}

addEventListener("pageshow", countTicked);
document.addEventListener("desk:shown", begin);
begin();
setInterval(refresh, LIVE_MILLISECONDS);
document.addEventListener("visibilitychange", refresh);
