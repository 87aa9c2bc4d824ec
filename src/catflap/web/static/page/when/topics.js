// What the cards of the screen "When" have in common: named controls, switched times, ticked kinds, chips.

import { readChoices, showChoices } from "../choices.js";

/**
 * @typedef {Record<string, unknown>} Values as of GET /v1/preferences
 * @typedef {object} Tools what a card needs
 * @property {import("../../lib/format.js").Format} format
 * @property {(card: HTMLElement, changes: Values) => Promise<boolean>} save stores changes, and tells in the card how it went
 * @property {(changes: Values) => void} draft previews changes that are not stored yet
 *
 * @typedef {object} Topic one card, or a part of one
 * @property {(values: Values) => void} show
 * @property {(preview: import("./preview.js").Preview) => void} [preview] what a day would be like
 */

const USUAL_TIMES = /** @type {Record<string, string>} */ ({ briefing_at: "08:00", evening_at: "21:00", all_day_at: "09:00" });

/** The controls of `area` that have one value each. @param {HTMLElement} area @param {Tools} tools @returns {Topic} */
export function namedControls(area, { format, save }) {
  area.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement) || !target.name) return;
    save(cardOf(area), { [target.name]: readChoices(area)[target.name] });
  });
  return { show: (values) => isTypedIn(area) || showChoices(area, values, format) };
}

/** A time that can be switched off: a checkbox and the time beside it. @param {HTMLElement} row @param {Tools} tools @returns {Topic} */
export function switchedTime(row, { save }) {
  const on = /** @type {HTMLInputElement} */ (row.querySelector("[type=checkbox]"));
  const time = /** @type {HTMLInputElement} */ (row.querySelector("[type=time]"));
  const keep = () => {
    time.hidden = !time.value;
    on.checked = time.value !== "";
    save(cardOf(row), { [time.name]: time.value || null });
  };
  on.addEventListener("change", () => {
    time.value = (on.checked && USUAL_TIMES[time.name]) || "";
    keep();
  });
  time.addEventListener("change", keep);
  return {
    show(values) {
      if (isTypedIn(row)) return;
      time.value = String(values[time.name] ?? "");
      on.checked = time.value !== "";
      time.hidden = !on.checked;
      on.disabled = time.disabled = false;
    },
  };
}

/** Checkboxes that together are one list. @param {HTMLElement} group @param {Tools} tools @returns {Topic} */
export function tickedKinds(group, { save }) {
  const name = String(group.dataset.list);
  const boxes = /** @type {HTMLInputElement[]} */ ([...group.querySelectorAll("[type=checkbox]")]);
  group.addEventListener("change", () => save(cardOf(group), { [name]: boxes.filter((one) => one.checked).map((one) => one.value) }));
  return {
    show(values) {
      const ticked = /** @type {string[]} */ (values[name]);
      for (const one of boxes) [one.checked, one.disabled] = [ticked.includes(one.value), false];
    },
  };
}

/** Whether somebody is in the middle of a word or a time there, which stays as it is. @param {HTMLElement} area */
export function isTypedIn(area) {
  const field = document.activeElement;
  return field instanceof HTMLInputElement && area.contains(field) && ["text", "time", "number"].includes(field.type);
}

/** @param {HTMLElement} area @returns {HTMLElement} */
export function cardOf(area) {
  return area.closest(".card") ?? area;
}
