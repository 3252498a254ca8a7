// The links made in this browser: kept in localStorage, listed, and their counts kept moving.

const STORAGE_KEY = "hop.links";
const MOST_LINKS = 20;
const FAST_MS = 1_000;
const SLOW_MS = 5_000; // after an error, and when nothing has moved for QUIET_MS
const QUIET_MS = 60_000;
const ANNOUNCE_MS = 10_000; // a screen reader is not told more often than this

const find = (id) => document.getElementById(id);

const counts = new Map(); // code -> clicks, as last heard
const unknown = new Set(); // codes that hop does not know: asking again would count as guessing
const unannounced = new Set(); // codes whose counts moved since the last announcement
let announcedAt = 0;
let links = readLinks();
let timer;
let round = 0; // answers to the questions of an earlier round are ignored
let movedAt;

document.addEventListener("visibilitychange", startPolling);
window.addEventListener("storage", (event) => {
  if (event.key === STORAGE_KEY || event.key === null) replaceLinks(readLinks());
});
replaceLinks(links);

/** Put a link, as POST /shorten answers it, at the head of the list. */
export function addLink(link) {
  const others = links.filter((other) => other.short_code !== link.short_code);
  writeLinks([link, ...others].slice(0, MOST_LINKS));
}

/** Tell those who listen rather than look. */
export function announce(text) {
  find("announcer").textContent = text;
}

/** When a link ends, in the reader's time zone; "" for never. */
export function describeExpiry(expiresAt) {
  if (!expiresAt) return "";
  const format = { dateStyle: "medium", timeStyle: "short" };
  return `until ${new Date(expiresAt).toLocaleString(undefined, format)}`;
}

function readLinks() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? [];
    return stored.filter((link) => link.short_code && /^https?:/.test(link.short_url));
  } catch {
    return []; // storage is switched off, or holds what we did not write
  }
}

function writeLinks(changed) {
  replaceLinks(changed);
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(changed));
  } catch {
    // Storage is switched off or full: the list lasts as long as the page.
  }
}

function replaceLinks(changed) {
  links = changed;
  find("links").replaceChildren(...links.map(makeRow));
  find("links-empty").hidden = links.length > 0;
  for (const code of counts.keys()) showCount(code);
  startPolling();
}

function makeRow(link) {
  const row = find("link-row").content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(`.${name}`);
  const label = link.short_url.replace(/^https?:\/\//, "");
  row.dataset.code = link.short_code;
  part("short").href = link.short_url;
  part("short").textContent = label;
  part("target").textContent = link.url;
  part("target").title = link.url;
  part("until").textContent = describeExpiry(link.expires_at);
  part("copy").dataset.copy = link.short_url;
  part("copy").setAttribute("aria-label", `Copy ${label}`);
  part("remove").setAttribute("aria-label", `Remove ${label} from this list`);
  part("remove").addEventListener("click", () => removeLink(link.short_code));
  return row;
}

/** Forget a link here (it goes on working), and hand the focus to its neighbour. */
function removeLink(code) {
  const place = links.findIndex((link) => link.short_code === code);
  writeLinks(links.filter((link) => link.short_code !== code));
  const neighbours = find("links").querySelectorAll(".remove");
  (neighbours[Math.min(place, neighbours.length - 1)] ?? find("links-title")).focus();
}

/** Begin a new round of questions, unless nobody looks or there is nothing to ask. */
function startPolling() {
  clearTimeout(timer);
  round += 1;
  movedAt = Date.now();
  if (!document.hidden && links.length > 0) poll(round);
}

async function poll(ownRound) {
  const asked = links.map((link) => link.short_code).filter((code) => !unknown.has(code));
  if (asked.length === 0) return;
  const heard = await fetchCounts(asked);
  if (ownRound !== round) return;
  find("counts-error").hidden = heard !== null;
  if (heard !== null) {
    takeCounts(heard);
    for (const code of asked) if (!(code in heard)) unknown.add(code);
  }
  const slow = heard === null || Date.now() - movedAt > QUIET_MS;
  timer = setTimeout(poll, slow ? SLOW_MS : FAST_MS, ownRound);
}

/** The counts of some codes; null if they cannot be had. */
async function fetchCounts(codes) {
  try {
    const address = `/counts?codes=${codes.map(encodeURIComponent).join(",")}`;
    const response = await fetch(address, { signal: AbortSignal.timeout(SLOW_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function takeCounts(heard) {
  for (const [code, clicks] of Object.entries(heard)) {
    const before = counts.get(code);
    if (before === clicks) continue;
    counts.set(code, clicks);
    const count = showCount(code);
    if (before === undefined) continue;
    count?.classList.add("moved");
    count?.addEventListener("animationend", () => count.classList.remove("moved"), { once: true });
    unannounced.add(code);
    movedAt = Date.now();
  }
  announceCounts();
}

/** Write a count into its row; the element, or undefined if the code is not listed. */
function showCount(code) {
  const row = [...find("links").children].find((item) => item.dataset.code === code);
  if (!row) return undefined;
  row.querySelector(".count").textContent = counts.get(code).toLocaleString("en");
  row.querySelector(".unit").textContent = unitOf(code);
  return row.querySelector(".count");
}

function unitOf(code) {
  return counts.get(code) === 1 ? "click" : "clicks";
}

function announceCounts() {
  if (unannounced.size === 0 || Date.now() - announcedAt < ANNOUNCE_MS) return;
  const told = [...unannounced].map((code) => `${code}: ${counts.get(code)} ${unitOf(code)}`);
  announce(told.join(", "));
  announcedAt = Date.now();
  unannounced.clear();
}
