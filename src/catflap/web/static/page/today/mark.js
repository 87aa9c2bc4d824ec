// A mark of the time line where Mia speaks: a button named by its times and words, and the same words in a bubble.

import { create } from "../../lib/dom.js";
import { sign } from "./appointments.js";
import { plannedItem, stateOf } from "./planned.js";

/**
 * @typedef {import("../day.js").Planned} Planned
 * @typedef {import("../../lib/format.js").Format} Format
 */

let made = 0;

/**
 * @param {Planned[]} said at about the same time
 * @param {string} state how the mark is drawn
 * @param {Format} format
 * @param {number} now
 * @param {import("./planned.js").DialectOf} dialectOf
 */
export function markItem(said, state, format, now, dialectOf) {
  const item = create("li", "mark-item");
  const mark = /** @type {HTMLButtonElement} */ (create("button", "mark"));
  mark.type = "button";
  mark.dataset.state = state;
  mark.dataset.at = said[0]?.play_at;
  mark.append(sign("mia"));
  if (said.length > 1) {
    const count = create("span", "mark-count", String(said.length));
    count.setAttribute("aria-hidden", "true");
    mark.append(count);
  }
  const name = create("span", "unseen");
  for (const one of said) {
    const text = create("span", "", one.text);
    text.setAttribute("lang", dialectOf(one.dialect).language);
    name.append(` ${format.time(one.play_at)} `, text, ` · ${stateOf(one, format)}`);
  }
  const bubble = create("ul", "mark-detail");
  bubble.id = `mark-${++made}`;
  bubble.hidden = true;
  // A click into it takes the focus from the mark, and does not close it.
  bubble.tabIndex = -1;
  bubble.append(...said.map((one) => plannedItem(one, format, now, dialectOf)));
  mark.append(name);
  mark.setAttribute("aria-expanded", "false");
  mark.setAttribute("aria-controls", bubble.id);
  item.append(mark, bubble);
  return item;
}
