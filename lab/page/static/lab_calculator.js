// The calculator for code length: the server computes, this asks it as one types.

import { ask, find, readNumber, showError, showProblem } from "./lab_fields.js";

const PAUSE_MS = 250;
const NUMBERS = ["links_per_day", "years", "alphabet", "length"];
const FIELDS = [...NUMBERS, "strategy"];

const form = find("calculator");
let timer;
let round = 0; // answers to earlier questions are ignored

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  markPreset();
  clearTimeout(timer);
  timer = setTimeout(calculate, PAUSE_MS);
});
form.addEventListener("click", (event) => {
  const preset = event.target.closest("button[data-years]");
  if (preset) applyPreset(preset);
});
markPreset(); // a browser may have kept what was typed before a reload
calculate();

function applyPreset({ dataset }) {
  find("links_per_day").value = Number(dataset.linksPerDay).toLocaleString("en");
  find("years").value = dataset.years;
  markPreset();
  calculate();
}

function markPreset() {
  for (const button of form.querySelectorAll("button[data-years]")) {
    const { linksPerDay, years } = button.dataset;
    const chosen = readNumber("links_per_day") === linksPerDay && readNumber("years") === years;
    button.setAttribute("aria-pressed", String(chosen));
  }
}

async function calculate() {
  clearTimeout(timer);
  round += 1;
  const ownRound = round;
  const values = NUMBERS.map((name) => [name, readNumber(name)]);
  const query = new URLSearchParams([...values, ["strategy", find("strategy").value]]);
  const { body, problem } = await ask(`${form.action}?${query}`);
  if (ownRound !== round) return;
  for (const place of [...FIELDS, "calculator"]) showError(place, "");
  find("figures").classList.toggle("stale", Boolean(problem));
  find("verdict").hidden = Boolean(problem);
  if (problem) showFault(problem, Object.fromEntries(values));
  else showEstimate(body);
}

function showFault(problem, values) {
  const isNumber = /^\d+(\.\d*)?(e\d+)?$/i.test(values[problem.field] ?? "0");
  if (isNumber) showProblem(problem, FIELDS, "calculator");
  else showError(problem.field, "A number is needed here.");
}

function showEstimate(found) {
  find("verdict").textContent = found.verdict;
  find("verdict").classList.toggle("short", !found.lasts);
  for (const [name, words] of Object.entries(found.words)) find(name).textContent = words;
}
