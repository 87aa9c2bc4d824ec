// Numbers and spans of the operator's screen, in the page's language.

/** @type {Array<[number, string]>} */
const UNITS = [[86_400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

export class Units {
  #language;

  /** @param {string} language */
  constructor(language) {
    this.#language = language;
  }

  /** @param {number} value */
  number(value) {
    return new Intl.NumberFormat(this.#language).format(value);
  }

  /** @param {number} seconds */
  span(seconds) {
    const [length, unit] = seconds < 1 ? [0.001, "millisecond"] : unitOf(seconds);
    const options = /** @type {const} */ ({ style: "unit", unitDisplay: "short", maximumFractionDigits: 0 });
    return new Intl.NumberFormat(this.#language, { ...options, unit }).format(Math.floor(seconds / length));
  }

  /** @param {string} at */
  day(at) {
    return new Intl.DateTimeFormat(this.#language, { dateStyle: "medium" }).format(new Date(at));
  }

  /** How long before another time. @param {string} at @param {string} now */
  ago(at, now) {
    const seconds = Math.max(0, (Date.parse(now) - Date.parse(at)) / 1000);
    const [length, unit] = unitOf(seconds);
    const format = new Intl.RelativeTimeFormat(this.#language, { numeric: "auto" });
    return format.format(-Math.floor(seconds / length), /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
  }
}

/** @param {number} seconds @returns {[number, string]} */
function unitOf(seconds) {
  return UNITS.find(([length]) => seconds >= length) ?? [1, "second"];
}
