// The card of the places: how long the way to each takes, so that Mia says when to leave.

import { create } from "../../lib/dom.js";

/** @typedef {{name: string, minutes: number}} Place */

/** @param {HTMLElement} card @param {import("./topics.js").Tools} tools @returns {import("./topics.js").Topic} */
export function knownPlaces(card, { format, save }) {
  const list = /** @type {HTMLElement} */ (card.querySelector(".places"));
  const name = /** @type {HTMLInputElement} */ (card.querySelector("#place-name"));
  const minutes = /** @type {HTMLInputElement} */ (card.querySelector("#place-minutes"));
  const add = /** @type {HTMLButtonElement} */ (card.querySelector("#place-add"));
  const note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
  /** @type {Place[]} */
  let places = [];

  add.addEventListener("click", take);
  for (const field of [name, minutes]) {
    // Nothing is stored before both are there.
    field.addEventListener("change", (event) => event.stopPropagation());
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      take();
    });
  }

  return {
    show(values) {
      places = /** @type {Place[]} */ (values.places);
      list.replaceChildren(...places.map(row));
      for (const control of [name, minutes, add]) control.disabled = false;
    },
  };

  async function take() {
    const made = { name: name.value.trim(), minutes: Number(minutes.value) };
    if (!made.name) return refuse(name, format.word("place_unnamed"));
    if (!Number.isInteger(made.minutes) || made.minutes < 1 || made.minutes > 1440) return refuse(minutes, format.word("when_range", { least: 1, most: 1440 }));
    const others = places.filter((one) => one.name.toLowerCase() !== made.name.toLowerCase());
    if (!(await save(card, { places: [...others, made] }))) return;
    name.value = minutes.value = "";
    name.focus();
  }

  /** @param {HTMLElement} field @param {string} why */
  function refuse(field, why) {
    note.textContent = why;
    field.focus();
  }

  /** @param {Place} place */
  function row(place) {
    const made = create("li", "place");
    const remove = /** @type {HTMLButtonElement} */ (create("button", "link", format.word("device_remove")));
    remove.type = "button";
    remove.setAttribute("aria-label", format.word("place_remove", { name: place.name }));
    remove.addEventListener("click", async () => {
      if (await save(card, { places: places.filter((one) => one !== place) })) name.focus();
    });
    made.append(create("span", "what", place.name), create("span", "quiet", format.lead(place.minutes)), remove);
    return made;
  }
}
