// The minutes left until the next announcement as a disc that shrinks: a whole one is an hour.

const HOUR = 3_600_000;

export class Disc {
  #figure;
  #shown = "";

  /** @param {SVGSVGElement} figure a circle with a path length of 60, drawn by its stroke */
  constructor(figure) {
    this.#figure = figure;
  }

  /** @param {number | null} left milliseconds; beyond an hour nothing is shown */
  show(left) {
    const minutes = left === null || left > HOUR ? "" : (Math.max(0, left) / 60_000).toFixed(1);
    if (minutes === this.#shown) return;
    this.#shown = minutes;
    this.#figure.toggleAttribute("hidden", minutes === "");
    this.#figure.style.setProperty("--minutes", minutes || "0");
    this.#figure.dataset.minutes = minutes;
  }
}
