// What happened over time: a chart, its legend, and the same as a table.

import { stackedBars } from "../../lib/chart.js";
import { create } from "../../lib/dom.js";
import { summed, toneOf } from "./numbers.js";

/** The chart of one kind of count. Its parts stay, so that an open table stays open when new numbers come. */
export class OverTime {
  #format;
  #units;
  #chart = create("div", "chart-frame");
  #axis = create("p", "axis quiet small");
  #legend = create("ul", "legend");
  #table = create("table", "numbers");
  #details = create("details", "as-table");

  /** @param {HTMLElement} card @param {import("../../lib/format.js").Format} format @param {import("./units.js").Units} units */
  constructor(card, format, units) {
    this.#format = format;
    this.#units = units;
    const frame = create("div", "table-frame");
    // It scrolls, also by the keyboard.
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", `${card.querySelector("h2")?.textContent}, ${format.word("operator_table")}`);
    frame.append(this.#table);
    this.#details.append(create("summary", "", format.word("operator_table")), frame);
    this.#axis.setAttribute("aria-hidden", "true");
    card.append(this.#chart, this.#axis, this.#legend, this.#details);
  }

  /**
   * @param {string} title
   * @param {string[]} times
   * @param {import("./numbers.js").Counts[]} steps
   * @param {boolean} isLong whether it is of several days
   */
  show(title, times, steps, isLong) {
    const sums = summed(steps);
    const texts = sums.map(([outcome, times]) => `${this.#label(outcome)}: ${this.#units.number(times)}`);
    const nothing = this.#format.word("operator_nothing");
    const parts = steps.map((step) => sums.map(([outcome]) => ({ tone: toneOf(outcome), value: step[outcome] ?? 0 })));
    this.#chart.replaceChildren(stackedBars(parts, `${title}. ${texts.join(", ") || nothing}`));
    this.#chart.hidden = this.#axis.hidden = this.#details.hidden = sums.length === 0;
    const first = times[0] ?? "";
    this.#axis.replaceChildren(create("span", "", isLong ? this.#format.weekday(first) : this.#format.time(first)), create("span", "", this.#format.word("operator_now")));
    this.#legend.replaceChildren(...sums.map(([outcome], index) => create("li", `key key-${toneOf(outcome)}`, texts[index])));
    if (sums.length === 0) this.#legend.replaceChildren(create("li", "empty", nothing));
    this.#showTable(title, times, steps, sums.map(([outcome]) => outcome), isLong);
  }

  /** @param {string} title @param {string[]} times @param {import("./numbers.js").Counts[]} steps @param {string[]} outcomes @param {boolean} isLong */
  #showTable(title, times, steps, outcomes, isLong) {
    const caption = create("caption", "unseen", title);
    const head = create("tr", "");
    head.append(...[this.#format.word("operator_time"), ...outcomes.map((one) => this.#label(one))].map((text) => cell("th", text, "col")));
    const body = create("tbody", "");
    times.forEach((at, index) => {
      const step = steps[index] ?? {};
      if (Object.keys(step).length === 0) return;
      const row = create("tr", "");
      const time = this.#format.time(at);
      row.append(cell("th", isLong ? `${this.#format.weekday(at)} ${time}` : time, "row"));
      row.append(...outcomes.map((outcome) => cell("td", this.#units.number(step[outcome] ?? 0))));
      body.append(row);
    });
    const above = create("thead", "");
    above.append(head);
    this.#table.replaceChildren(caption, above, body);
  }

  /** @param {string} outcome */
  #label(outcome) {
    const text = this.#format.word(`outcome_${outcome}`);
    return text === `outcome_${outcome}` ? outcome : text;
  }
}

/** @param {"th" | "td"} name @param {string} text @param {string} [scope] */
function cell(name, text, scope) {
  const made = create(name, "", text);
  if (scope) made.setAttribute("scope", scope);
  return made;
}
