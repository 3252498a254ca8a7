// The lab's page. The calculator updates on input; the page polls while an experiment runs.

const find = (id) => document.getElementById(id);
const [calculator, runs, frame, status] = ["estimate", "runs", "report", "status"].map(find);
const forms = [...document.querySelectorAll("details form")];
let timer; // delays the calculator until a pause in typing
let polling;
let watched; // id of the run that this page follows

/** Send a request; return `{body}` or `{problem}`. An answer without JSON is not from hop. */
async function ask(address, sent) {
  const key = find("key")?.value; // the API key is stored nowhere but in its field
  const headers = { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) };
  const post = sent && { method: "POST", body: JSON.stringify(sent) };
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(15_000), headers, ...post });
    const body = await response.json();
    return response.ok ? { body } : { problem: body };
  } catch {
    return { problem: { title: "hop cannot be reached" } };
  }
}

/** The values of a form for JSON. Numbers may be written as 100,000 or 100 000. */
function readForm(form) {
  const options = {};
  for (const { name, type, value, checked } of form.querySelectorAll("[name]")) {
    const number = value.replace(/[\s,_’']/g, "");
    if (type === "checkbox") options[name] = [...(options[name] ?? []), ...(checked ? [value] : [])];
    else options[name] = type === "text" && /^[\d.]+(e\d+)?$/i.test(number) ? Number(number) : value;
  }
  return options;
}

/** Show a problem beside its field, or else below the fields; without a problem, clear all. */
function showProblem(form, problem) {
  for (const place of document.querySelectorAll(".error")) place.textContent = "";
  for (const field of document.querySelectorAll("input")) field.removeAttribute("aria-invalid");
  if (!problem) return;
  const id = problem.status === 401 ? "key" : `${form.id}-${problem.field?.split(/[.[]/)[0]}`;
  const text = /got "str"/.test(problem.detail) ? "Enter a number." : `${problem.title}. ${problem.detail ?? ""}`;
  (find(`${id}-error`) ?? form.querySelector("[role=alert]")).textContent = text;
  find(id)?.setAttribute("aria-invalid", "true");
  if (id === "key") find(id).focus();
}

async function calculate() {
  const address = `${calculator.action}?${new URLSearchParams(readForm(calculator))}`;
  calculator.dataset.asked = address;
  const { body, problem } = await ask(address);
  if (calculator.dataset.asked !== address) return; // the input has changed since
  showProblem(calculator, problem);
  Object.assign(find("verdict"), { hidden: !body, textContent: body?.verdict, className: body?.lasts ? "" : "short" });
  const rows = Object.entries(body?.words ?? {}).map((texts) => make("div", {}, make("dt", { className: "hint" }, texts[0]), make("dd", {}, texts[1])));
  find("figures").replaceChildren(...rows);
}

async function start(form) {
  const { body, problem } = await ask(form.action, readForm(form));
  showProblem(form, problem);
  if (problem) return;
  watched = body.id;
  status.focus(); // a second Enter must not start another run
  follow();
}

/** Show the state of the runs; poll while one is running, even if it was started elsewhere. */
async function follow() {
  clearTimeout(polling);
  const { body, problem } = await ask(runs.dataset.address);
  if (problem?.status === 401) return showProblem(forms[0], problem);
  const run = body?.runs.find(({ id, state }) => state === "running" || id === watched);
  if (body) watched = run?.state === "running" ? run.id : undefined;
  if (watched) polling = setTimeout(follow, 500);
  if (problem) status.textContent = `${problem.title}. Retrying.`;
  if (run) showRun(run);
  // Keep the list while a run is watched: a link in it may have the focus.
  if (body && !(watched && runs.children.length)) runs.replaceChildren(...body.runs.filter(({ id }) => id !== watched).map(makeRow));
}

function showRun(run) {
  const isRunning = run.state === "running";
  const { step, of, doing } = run.progress ?? { step: 0, of: 1, doing: "starting" };
  const text = isRunning ? `${titleOf(run)}: ${doing}, ${Math.floor((100 * step) / of)} %` : describe(run);
  if (status.textContent !== text) status.textContent = text; // screen readers announce every write
  if (!isRunning && document.activeElement === find("cancel")) status.focus();
  find("running").hidden = !isRunning;
  Object.assign(find("bar"), { max: of, value: step });
  for (const form of forms) form.querySelector("button").disabled = isRunning;
  if (run.state === "finished") frame.src = reportOf(run, "html");
}

function makeRow(run) {
  const row = make("li", {}, `${new Date(run.started_at).toLocaleString()}. ${describe(run)}`);
  const links = [["Show", "html", "report"], ["Open in a new tab", "html", "_blank"], ["CSV", "csv", ""], ["JSON", "json", ""]];
  for (const [text, kind, target] of run.state === "finished" ? links : []) {
    row.append(" ", make("a", { target, href: reportOf(run, kind), ariaLabel: `${text}: ${titleOf(run)}` }, text));
  }
  return row;
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const titleOf = (run) => find(run.experiment)?.dataset.title ?? run.experiment;
const reportOf = (run, kind) => `${runs.dataset.address}/${run.id}/report.${kind}`;
const describe = (run) => `${titleOf(run)}: ${run.state}. ${run.message}`;

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (forms.includes(event.target)) start(event.target);
});
calculator.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(calculate, 250);
});
find("cancel").addEventListener("click", () => ask(`${runs.dataset.address}/${watched}/cancel`, {}));
find("key")?.addEventListener("change", follow);
frame.addEventListener("load", () => {
  const page = frame.contentDocument?.documentElement;
  frame.hidden = !page?.querySelector("main");
  new ResizeObserver(() => { frame.height = page.offsetHeight + 2; }).observe(page); // avoids a second scroll bar
});
calculate();
if (!find("key")) follow();
