// What both parts of the lab's page need: numbers as people type them, faults beside their fields.

export const find = (id) => document.getElementById(id);

/** "100,000,000" and "100 000 000" as a program writes them. */
export function readNumber(id) {
  return find(id).value.replace(/[\s,_’']/g, "");
}

/** Say what is wrong with a field, or with "" that nothing is. */
export function showError(id, text) {
  find(`${id}-error`).textContent = text;
  find(id)?.setAttribute("aria-invalid", String(text !== ""));
}

/** The JSON of an answer: `{body}` or `{problem}`. What is not hop's JSON did not come from hop. */
export async function ask(address, options = {}) {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(15_000), ...options });
    const body = await response.json();
    return response.ok ? { body } : { problem: body };
  } catch {
    return { problem: { title: "hop cannot be reached" } };
  }
}

/** Show a problem beside its field if it is among `fields`, else at `place`. */
export function showProblem(problem, fields, place) {
  const field = problem.field?.split(/[.[]/)[0];
  const atFault = fields.includes(field) ? field : place;
  showError(atFault, [`${problem.title}.`, problem.detail].filter(Boolean).join(" "));
}
