// The controls of the preferences form that have one value each: read into and written from a document of the API.

/** @typedef {Record<string, unknown>} Values */

/**
 * Show the values in the controls of `area`. Times without a value are empty.
 * @param {HTMLElement} area
 * @param {Values} values
 * @param {import("../lib/format.js").Format} format
 */
export function showChoices(area, values, format) {
  for (const control of controlsOf(area)) {
    const value = values[control.name];
    if (control instanceof HTMLSelectElement) showOption(control, asText(value), format);
    else if (control.type === "checkbox") control.checked = value === true;
    else control.value = asText(value);
    control.disabled = false;
  }
}

/** The values that the controls have. @param {HTMLElement} area @returns {Values} */
export function readChoices(area) {
  return Object.fromEntries(controlsOf(area).map((control) => [control.name, valueOf(control)]));
}

/** @param {HTMLElement} area @returns {(HTMLInputElement | HTMLSelectElement)[]} */
function controlsOf(area) {
  return [...area.querySelectorAll("select, input")].filter((one) => one instanceof HTMLInputElement || one instanceof HTMLSelectElement);
}

/** @param {HTMLSelectElement} select @param {string} value @param {import("../lib/format.js").Format} format */
function showOption(select, value, format) {
  const { minutes } = select.dataset;
  if (minutes && select.options.length === 1) select.append(...minutes.split(" ").map((one) => new Option(format.minutes(one), one)));
  // What was chosen elsewhere stays, also where this page doesn't offer it.
  if (![...select.options].some((option) => option.value === value)) select.append(new Option(format.minutes(value), value));
  select.value = value;
}

/** @param {HTMLInputElement | HTMLSelectElement} control */
function valueOf(control) {
  if (control.type === "checkbox") return control instanceof HTMLInputElement && control.checked;
  if (control.type === "time") return control.value || null;
  if (control.dataset.as === "list") return control.value ? control.value.split(",").map(Number) : [];
  if (control.dataset.as === "number") return control.value ? Number(control.value) : null;
  return control.value;
}

/** @param {unknown} value */
function asText(value) {
  return value === null || value === undefined ? "" : String(value);
}
