// What became of the last announcements on a device: a row of cells like a battery, a sentence, and a list.

import { create } from "../../lib/dom.js";

/** @typedef {import("./parts.js").Play} Play */

const STATES = /** @type {const} */ (["played", "missed", "held", "failed"]);
/** An announcement that begins earlier after its time is on time. */
const PUNCTUAL = 2;
/** So many are listed with their times. */
const LISTED = 12;

export class Plays {
  #format;
  #cells = create("span", "battery");
  #sentence = create("span", "battery-says quiet small");
  #list = create("ol", "plays");
  #shown = "";

  /** @param {import("../../lib/format.js").Format} format */
  constructor(format) {
    this.#format = format;
    this.summary = create("p", "device-plays");
    this.#cells.setAttribute("aria-hidden", "true");
    this.summary.append(this.#cells, this.#sentence);
    this.details = create("div", "device-part");
    this.details.append(create("h3", "", format.word("device_plays")), this.#list);
  }

  /** @param {Play[]} plays oldest first */
  update(plays) {
    const shown = JSON.stringify(plays);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#cells.hidden = plays.length === 0;
    this.#cells.replaceChildren(...plays.map(({ state }) => create("i", `cell ${state}`)));
    this.#sentence.textContent = this.#summed(plays);
    this.details.hidden = plays.length === 0;
    this.#list.replaceChildren(...plays.slice(-LISTED).map((play) => this.#item(play)).reverse());
  }

  /** @param {Play[]} plays */
  #summed(plays) {
    if (plays.length === 0) return this.#format.word("device_plays_none");
    const counts = STATES.map((state) => ({ state, count: plays.filter((one) => one.state === state).length }));
    const told = counts.filter(({ count }) => count > 0);
    const texts = told.map(({ state, count }) => this.#format.word(`device_plays_${state}`, { count }));
    return texts.join(this.#format.word("device_plays_and"));
  }

  /** @param {Play} play */
  #item({ play_at, state, reason, late_seconds }) {
    const row = create("li", "");
    const late = late_seconds !== null && late_seconds >= PUNCTUAL;
    const more = late ? this.#format.word("device_play_late", { seconds: Math.round(late_seconds) }) : reason && this.#format.oneOf(`device_play_${reason}`, "");
    const time = this.#format.time(play_at);
    row.append(
      create("i", `cell ${state}`),
      create("span", "when", time),
      create("span", "", [this.#format.word(`device_play_${state}`), more].filter(Boolean).join(" · ")),
    );
    row.firstElementChild?.setAttribute("aria-hidden", "true");
    return row;
  }
}
