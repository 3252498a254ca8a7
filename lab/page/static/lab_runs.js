// Runs of the comparison: start one, watch it, look at its report, cancel it.

import { ask, find, readNumber, showError, showProblem } from "./lab_fields.js";

const POLL_MS = 500;
const FIELDS = ["strategies", "codes", "processes"];

const form = find("run-form");
let starting = false; // a button that is disabled meanwhile would lose the focus
let watched; // the id of the run whose progress is shown
let shown; // the id of the run whose report is shown

form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
find("cancel").addEventListener("click", cancel);
find("key")?.addEventListener("change", listRuns);
find("report-frame").addEventListener("load", fitFrame);
if (!find("key")) listRuns();

async function start() {
  if (starting) return;
  clearErrors();
  starting = true;
  const { body: run, problem } = await post(form.action, readForm());
  starting = false;
  if (problem) showFault(problem);
  else watch(run);
}

function readForm() {
  const chosen = form.querySelectorAll("input[name=strategies]:checked");
  return {
    strategies: [...chosen].map((box) => box.value),
    codes: Number(readNumber("codes")),
    processes: Number(readNumber("processes")),
  };
}

async function cancel() {
  const { problem } = await post(`${form.action}/${watched}/cancel`, {});
  if (problem) showFault(problem);
}

/** Show the progress of a run until it ends, then its report. */
async function watch(run) {
  watched = run.id;
  find("report").hidden = true;
  showRunning(true);
  while (run.state === "running") {
    showProgress(run);
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    const { body, problem } = await ask(`${form.action}/${run.id}`, { headers: keyHeader() });
    showError("run", problem ? `${problem.title}. Still asking.` : "");
    if (problem?.status === 401 || problem?.status === 404) break;
    run = body ?? run;
  }
  showRunning(false);
  showEnd(run);
  listRuns();
}

/** Swap the buttons; the focus of the one that goes is handed on, to where Enter does no harm. */
function showRunning(running) {
  const [gone, next] = running ? ["start", "run-status"] : ["cancel", "start"];
  const hadFocus = document.activeElement === find(gone);
  find("run-progress").hidden = false;
  find("start").hidden = running;
  find("cancel").hidden = !running;
  find("run-bar").hidden = !running;
  if (hadFocus) find(next).focus();
}

function showProgress({ progress }) {
  const bar = find("run-bar");
  if (progress) {
    bar.max = progress.of;
    bar.value = progress.step;
  } else {
    bar.removeAttribute("value"); // not known yet
  }
  say(progress ? `Measuring ${progress.strategy}: step ${progress.step} of ${progress.of}` : "Starting …");
}

function showEnd(run) {
  const ends = { finished: "Finished.", cancelled: "Cancelled.", failed: "It failed." };
  say([ends[run.state], run.message].filter(Boolean).join(" "));
  if (run.state === "finished") showReport(run);
}

/** A live region speaks whenever it is written to, so it is written to when it changes. */
function say(text) {
  if (find("run-status").textContent !== text) find("run-status").textContent = text;
}

function showReport({ id, files }) {
  shown = id;
  find("report").hidden = false;
  for (const [kind, address] of Object.entries(files)) find(`report-${kind}`).href = address;
  find("report-frame").src = files.html;
}

/** Make the frame as high as the report: one page to scroll, and to print. */
function fitFrame() {
  const frame = find("report-frame");
  const page = frame.contentDocument?.querySelector("main");
  if (!page) return;
  const fit = () => {
    frame.style.height = `${page.ownerDocument.documentElement.offsetHeight + 2}px`;
  };
  new ResizeObserver(fit).observe(page);
  fit();
}

/** The runs that are kept; one that still goes on, started here or elsewhere, is watched. */
async function listRuns() {
  showError("run", "");
  if (find("key")) showError("key", "");
  const { body, problem } = await ask(form.action, { headers: keyHeader() });
  if (problem) {
    showFault(problem);
    return;
  }
  const running = body.runs.find((run) => run.state === "running");
  if (running && !find("start").hidden) watch(running);
  const ended = body.runs.filter((run) => run.state !== "running");
  find("earlier").hidden = ended.length === 0;
  find("earlier-runs").replaceChildren(...ended.map(makeRow));
}

function makeRow(run) {
  const row = document.createElement("li");
  const text = document.createElement("p");
  const details = document.createElement("span");
  const when = new Date(run.started_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  text.textContent = `${when}: ${run.state}`;
  details.className = "hint";
  details.textContent = describe(run);
  text.append(details);
  row.append(text);
  if (run.state === "finished") row.append(makeShowButton(run, when));
  return row;
}

/** What was asked for, in a line. */
function describe({ strategies, codes, processes }) {
  const isAll = strategies.length === form.querySelectorAll("input[name=strategies]").length;
  const names = isAll ? "all strategies" : strategies.join(", ");
  return `${names}; ${codes.toLocaleString("en")} codes, ${processes} ${processes === 1 ? "process" : "processes"}`;
}

function makeShowButton(run, when) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Show";
  button.setAttribute("aria-label", `Show the report of ${when}`);
  button.addEventListener("click", () => {
    if (shown !== run.id) showReport(run);
    find("report").hidden = false;
    find("report").scrollIntoView();
  });
  return button;
}

function post(address, body) {
  const headers = { "Content-Type": "application/json", ...keyHeader() };
  return ask(address, { method: "POST", headers, body: JSON.stringify(body) });
}

/** The admin key, where one is asked for. It is in its field and nowhere else. */
function keyHeader() {
  const key = find("key")?.value;
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function showFault(problem) {
  if (problem.status === 401 && find("key")) {
    showError("key", find("key").value ? "This is not the admin key." : "The admin key is needed.");
    find("key").focus();
  } else {
    showProblem(problem, FIELDS, "run");
  }
}

function clearErrors() {
  for (const place of [...FIELDS, "run"]) showError(place, "");
  if (find("key")) showError("key", "");
}
