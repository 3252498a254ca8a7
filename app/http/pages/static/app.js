// The form of the front page: ask for a short link, show it or say what is wrong; and copying.

import { addLink, announce, describeExpiry } from "./links.js";

const TIMEOUT_MS = 15_000;
const COPIED_MS = 2_000;
const FIELDS = ["url", "alias", "ttl"];
const UNREACHABLE = {
  title: "hop cannot be reached",
  detail: "What you typed is still here; try again in a moment.",
};

const find = (id) => document.getElementById(id);

find("shorten-form").addEventListener("submit", (event) => {
  event.preventDefault();
  shorten(event.target);
});
find("shorten-form").addEventListener("input", (event) => showError(event.target.id, ""));
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copyFrom(button);
});

/** Send what was typed, unless an answer is still awaited. */
async function shorten(form) {
  const fields = find("shorten-fields");
  if (fields.disabled) return;
  const asked = readForm();
  const focused = document.activeElement;
  clearErrors();
  fields.disabled = true; // takes the focus away, too
  const { link, problem } = await requestLink(form.action, asked);
  fields.disabled = false;
  if (problem) {
    showProblem(problem, focused);
  } else {
    form.reset();
    showResult(link);
    addLink(link);
  }
}

/** The body of the request: without the options that were left alone. */
function readForm() {
  const alias = find("alias").value.trim();
  const ttl = find("ttl").value;
  return {
    url: addScheme(find("url").value.trim()),
    ...(alias && { alias }),
    ...(ttl && { ttl: Number(ttl) }),
  };
}

/** `example.org/x` and `localhost:80/x` get https://; what has a scheme, good or bad, is left. */
function addScheme(text) {
  if (text.startsWith("//")) return `https:${text}`;
  const hasPort = /^[^/?#:]+:\d{1,5}([/?#]|$)/.test(text);
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(text) && !hasPort;
  return text === "" || hasScheme ? text : `https://${text}`;
}

/** Ask for a link: `{link}` or `{problem}`. Whatever is not hop's JSON did not come from hop. */
async function requestLink(address, asked) {
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = await response.json();
    return response.ok ? { link: body } : { problem: body };
  } catch {
    return { problem: UNREACHABLE };
  }
}

/** Put a link beneath the form, one key press away from being copied. */
function showResult(link) {
  find("short-link").href = link.short_url;
  find("short-link").textContent = link.short_url;
  find("copy-button").dataset.copy = link.short_url;
  find("result-target").textContent = link.url;
  find("result-until").textContent = describeExpiry(link.expires_at);
  find("result").hidden = false;
  find("copy-button").focus();
  announce(`Your short link is ${link.short_url}`);
}

/** Say what is wrong beside the field at fault, and go there. */
function showProblem(problem, focused) {
  const atFault = FIELDS.includes(problem.field) ? problem.field : null;
  const sentences = [`${problem.title}.`, problem.detail].filter(Boolean);
  showError(atFault ?? "form", sentences.join(" "));
  find("result").hidden = true; // an earlier link, still in the list, would look like success
  if (atFault && atFault !== "url") find("options").open = true;
  (atFault ? find(atFault) : focused).focus();
}

function showError(place, text) {
  find(`${place}-error`).textContent = text;
  find(place)?.setAttribute("aria-invalid", String(text !== ""));
}

function clearErrors() {
  for (const place of [...FIELDS, "form"]) showError(place, "");
}

/** Copy a button's text, and let the button say so for a moment. */
async function copyFrom(button) {
  const copied = await copyText(button.dataset.copy);
  button.textContent = copied ? "Copied" : "Not copied";
  button.focus();
  announce(copied ? "Copied" : "The browser did not allow copying");
  setTimeout(() => { button.textContent = "Copy"; }, COPIED_MS);
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text); // plain http has no navigator.clipboard
  }
}

function copySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
