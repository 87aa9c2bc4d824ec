// Numbers of minutes that are chosen by chips: the usual ones to tap, and a field for any other.

import { create } from "../../lib/dom.js";

/**
 * @typedef {object} ChipOptions
 * @property {import("../../lib/format.js").Format} format
 * @property {number[]} usual what is always offered
 * @property {number} least
 * @property {number} most
 * @property {(minutes: number[]) => void} onChange
 */
const AT_ONCE = 5;

export class Chips {
  #group;
  #options;
  #note = create("p", "quiet small chips-note");
  /** @type {number[]} */
  #chosen = [];

  /** @param {HTMLElement} group with an accessible name @param {ChipOptions} options */
  constructor(group, options) {
    this.#group = group;
    this.#options = options;
    this.#note.setAttribute("role", "status");
    group.addEventListener("click", ({ target }) => target instanceof HTMLButtonElement && target.value && this.#toggle(Number(target.value)));
  }

  /** @param {number[]} minutes */
  show(minutes) {
    this.#chosen = [...minutes];
    const { format, usual } = this.#options;
    const focused = document.activeElement instanceof HTMLButtonElement && this.#group.contains(document.activeElement) ? document.activeElement.value : "";
    const offered = [...new Set([...usual, ...minutes])].sort((one, other) => one - other);
    const chips = offered.map((one) => {
      const chip = /** @type {HTMLButtonElement} */ (create("button", "chip lead", format.lead(one)));
      chip.type = "button";
      chip.value = String(one);
      chip.setAttribute("aria-pressed", String(minutes.includes(one)));
      return chip;
    });
    const other = this.#group.querySelector(".other") ?? this.#other();
    const field = other.contains(document.activeElement) ? document.activeElement : null;
    this.#group.replaceChildren(...chips, other, this.#note);
    if (field instanceof HTMLElement) field.focus();
    if (focused) (chips.find(({ value }) => value === focused) ?? other.querySelector("input"))?.focus();
  }

  /** @param {number} minutes */
  #toggle(minutes) {
    if (this.#chosen.includes(minutes)) this.#change(this.#chosen.filter((one) => one !== minutes));
    else this.#add(minutes);
  }

  /** @param {number} minutes @returns {boolean} whether it is chosen now */
  #add(minutes) {
    const { format, least, most } = this.#options;
    if (!Number.isInteger(minutes) || minutes < least || minutes > most) return this.#tell(format.word("when_range", { least: least, most: most }));
    if (this.#chosen.includes(minutes)) return true;
    if (this.#chosen.length >= AT_ONCE) return this.#tell(format.word("when_five"));
    this.#change([...this.#chosen, minutes].sort((one, other) => other - one));
    return true;
  }

  /** @param {number[]} minutes */
  #change(minutes) {
    this.#note.textContent = "";
    this.show(minutes);
    this.#options.onChange(minutes);
  }

  /** @param {string} text @returns {false} */
  #tell(text) {
    this.#note.textContent = text;
    return false;
  }

  #other() {
    const { format } = this.#options;
    const made = create("span", "other");
    const field = /** @type {HTMLInputElement} */ (create("input", ""));
    field.type = "number";
    field.inputMode = "numeric";
    field.setAttribute("aria-label", format.word("when_other_minutes"));
    field.placeholder = format.word("when_minutes");
    const add = /** @type {HTMLButtonElement} */ (create("button", "chip", format.word("when_add")));
    add.type = "button";
    const take = () => {
      if (field.value !== "" && this.#add(Number(field.value))) field.value = "";
    };
    add.addEventListener("click", take);
    // Neither the form nor the card is told of a number that is not added yet.
    field.addEventListener("change", (event) => event.stopPropagation());
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      take();
    });
    made.append(field, add);
    return made;
  }
}
