// Picking by scanner or camera. Scans are kept on this device until the server has answered for each of them.
"use strict";

let picking = null; // the part on this page; within a platform's admin one page takes the place of another (frame.js)
let words = {};
let refusedHere = new Set();
const RETRY_MILLISECONDS = 3000;
const PREFIX = "scans:";
const LOOK_MILLISECONDS = 80;
const SAME_AGAIN_MILLISECONDS = 2500;
const WIDEST_PICTURE = 960;

// One queue per part, kept over reloads; every page with this script empties those that are left. Where a browser gives a framed
// page no storage, they are kept in that page, which stays as long as the admin is open.
const kept = (() => {
  try { localStorage.removeItem(`${PREFIX}try`); return localStorage; } catch {
    const held = new Map();
    return {
      getItem: (name) => held.get(name) ?? null,
      setItem: (name, value) => held.set(name, value),
      removeItem: (name) => held.delete(name),
      names: () => [...held.keys()],
    };
  }
})();
const names = () => (kept.names ? kept.names() : Object.keys(kept)).filter((name) => name.startsWith(PREFIX));

function queued(address) {
  try { return JSON.parse(kept.getItem(PREFIX + address)) || []; } catch { return []; }
}
function keep(address, scans) {
  if (picking && address === picking.dataset.address) picking.dataset.left = scans.length;
  if (scans.length) kept.setItem(PREFIX + address, JSON.stringify(scans));
  else kept.removeItem(PREFIX + address);
}

let sending = false;
let cut = false;
async function send() {
  if (!picking || sending) return;
  sending = true;
  try {
    for (const name of names()) await sendQueue(name.slice(PREFIX.length));
    cut = false;
  } catch {
    cut = true; // no network: the scans stay where they are and the next round tries again
  } finally {
    sending = false;
    tellWaiting();
  }
}

async function sendQueue(address) {
  const scans = queued(address).slice(0, 100);
  if (!scans.length) return;
  const answer = await ask(address, {
    method: "POST", credentials: "same-origin", redirect: "error",
    headers: { "Content-Type": "application/json", "X-CSRFToken": picking.dataset.token }, body: JSON.stringify({ scans }),
  });
  if (answer.status === 401 || answer.status === 400) { signIn = true; return; }
  if (answer.status === 404) { keep(address, queued(address).slice(scans.length)); return; }
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  signIn = false;
  const told = await answer.json();
  const answered = new Set(told.results.map((result) => result.key));
  keep(address, queued(address).filter((scan) => !answered.has(scan.key)));
  if (picking && address === picking.dataset.address) agree(told);
}

let signIn = false;
function tellWaiting() {
  if (!picking) return;
  const waiting = picking.querySelector("[data-waiting]");
  const left = queued(picking.dataset.address).length;
  waiting.hidden = !left || !(cut || signIn);
  waiting.textContent = left ? (signIn ? words.sign_in : `${words.waiting} ${left}`) : "";
}

// What the server says is so; what still waits here comes on top.
function agree(told) {
  for (const [id, picked] of Object.entries(told.picked)) set(line(id), picked);
  for (const scan of queued(picking.dataset.address)) count(scan.code);
  const bad = told.results.filter((result) => result.outcome !== "picked");
  if (bad.length) verdict(bad[bad.length - 1].message, false, !bad.some((result) => refusedHere.has(result.key)));
}

const lines = () => [...picking.querySelectorAll("[data-line]")];
const line = (id) => picking.querySelector(`[data-line="${id}"]`);

function fitting(code) {
  const wanted = code.toLowerCase();
  return lines().filter((row) => JSON.parse(row.dataset.codes).some((one) => one.toLowerCase() === wanted));
}

function count(code) {
  const fits = fitting(code);
  const row = fits.find((one) => Number(one.dataset.picked) < Number(one.dataset.quantity));
  if (row) set(row, Number(row.dataset.picked) + 1);
  return { row, fits };
}

function set(row, picked) {
  if (!row) return;
  row.dataset.picked = picked;
  row.querySelector("[data-count]").textContent = picked;
  const units = row.querySelector("[data-units]");
  if (units) units.value = picked;
  row.classList.toggle("complete", Number(picked) === Number(row.dataset.quantity));
  const short = document.querySelector("[data-short]");
  if (short) short.hidden = lines().every((one) => one.classList.contains("complete"));
}

function scan(code) {
  if (!code) return;
  const key = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`;
  const address = picking.dataset.address;
  keep(address, [...queued(address), { key, code }]); // on the device before anything else
  const { row, fits } = count(code);
  if (row) {
    const all = lines().every((one) => one.classList.contains("complete"));
    verdict(`${row.dataset.title}: ${row.dataset.picked} ${words.of} ${row.dataset.quantity}.${all ? ` ${words.all}` : ""}`, true, true);
  } else {
    refusedHere.add(key);
    verdict(fits.length ? words.full : words.wrong, false, true);
  }
  send();
}

// Loud: in words, in colour, by sound, and by a shake in the hand.
function verdict(text, right, loud) {
  const place = picking.querySelector("[data-verdict]");
  place.textContent = text;
  place.className = `verdict ${right ? "right" : "not-right"}`;
  if (!loud) return;
  tone(right);
  if (navigator.vibrate) navigator.vibrate(right ? 40 : [200, 80, 200]);
}

let sound;
function tone(right) {
  try {
    sound = sound || new AudioContext();
    const [wave, gain, now] = [sound.createOscillator(), sound.createGain(), sound.currentTime];
    wave.type = right ? "sine" : "sawtooth";
    wave.frequency.value = right ? 880 : 140;
    gain.gain.value = right ? 0.15 : 0.6;
    wave.connect(gain).connect(sound.destination);
    wave.start(now);
    wave.stop(now + (right ? 0.09 : 0.6));
  } catch {
    // a device without sound still has the words and the colour
  }
}

async function openCamera(video) {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    verdict(words.no_camera, false, false);
    return;
  }
  video.hidden = false;
  await video.play();
  const read = await reader();
  let last = { code: "", at: 0 };
  const look = async () => {
    if (!video.srcObject) return;
    if (!video.isConnected) { closeCamera(video); return; }
    try {
      const code = await read(video);
      const fresh = code && (code !== last.code || Date.now() - last.at > SAME_AGAIN_MILLISECONDS);
      if (fresh) scan(code);
      if (code) last = { code, at: Date.now() }; // as long as it lies there it is the same article
    } catch {
      // one picture could not be read; the next one comes at once
    }
    setTimeout(look, LOOK_MILLISECONDS);
  };
  look();
}

// The browser's own reader where it has one that knows these codes, else ours (barcode.js), which must see a code twice.
async function reader() {
  const known = "BarcodeDetector" in window ? await BarcodeDetector.getSupportedFormats() : [];
  if (known.includes("ean_13") && known.includes("code_128")) {
    const detector = new BarcodeDetector();
    return async (video) => ((await detector.detect(video))[0] || {}).rawValue || "";
  }
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let before = "";
  return (video) => {
    const scale = Math.min(1, WIDEST_PICTURE / video.videoWidth);
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const code = readBarcode(pen.getImageData(0, 0, canvas.width, canvas.height));
    const sure = code && code === before ? code : "";
    before = code;
    return sure;
  };
}

function closeCamera(video) {
  video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  video.hidden = true;
}

function beginPicking() {
  picking = document.querySelector("[data-picking]");
  if (!picking) return;
  words = JSON.parse(picking.dataset.words);
  refusedHere = new Set();
  const form = picking.querySelector("[data-scan]");
  if (form) listen(form);
  for (const waiting of queued(picking.dataset.address)) count(waiting.code);
  send();
}

function listen(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    scan(form.code.value.trim());
    form.code.value = "";
    form.code.focus();
  });
  const button = form.querySelector("[data-camera]");
  const video = picking.querySelector("video");
  const camera = Boolean(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
  button.hidden = !camera;
  form.querySelector("[data-no-camera]").hidden = camera;
  button.addEventListener("click", () => (video.srcObject ? closeCamera(video) : openCamera(video)));
}

// A scanner types wherever the keyboard is: what does not go into a field goes into this one.
document.addEventListener("keydown", (event) => {
  const field = picking && picking.isConnected && picking.querySelector("[data-scan] [name=code]");
  const free = field && !event.target.matches("input, select, textarea, button, a, summary");
  if (free && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus();
}, true);
setInterval(send, RETRY_MILLISECONDS);
addEventListener("online", send);
document.addEventListener("desk:shown", beginPicking);
beginPicking();
