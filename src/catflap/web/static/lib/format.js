// Format times and spans in the page's language, in the regional form that the browser prefers.

export class Format {
  #words;
  #locale;
  /** @type {Map<string, Intl.DateTimeFormat>} */
  #formatters = new Map();
  /** The person's time zone; the browser's until it is known. @type {string | undefined} */
  zone;

  /** @param {Record<string, string>} words @param {string} language */
  constructor(words, language) {
    this.#words = words;
    this.language = language;
    this.#locale = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  }

  /** @param {string} key @param {Record<string, string | number>} [values] */
  word(key, values = {}) {
    return (this.#words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /** @param {string} key */
  has(key) {
    return key in this.#words;
  }

  /** The text of `key`, or of `otherwise` when there is none. @param {string} key @param {string} otherwise */
  oneOf(key, otherwise) {
    return this.word(key in this.#words ? key : otherwise);
  }

  /** @param {string | number} at */
  time(at) {
    return this.#format(at, { hour: "numeric", minute: "2-digit" });
  }

  /** The time without "am" or "pm", beside an axis that has them. @param {number} at */
  shortTime(at) {
    const parts = this.#formatter(this.#locale, { hour: "numeric", minute: "2-digit" }).formatToParts(new Date(at));
    return parts.map(({ type, value }) => (type === "dayPeriod" ? "" : value)).join("").trim();
  }

  /** The hour alone, for an axis. @param {number} at */
  hour(at) {
    return this.#format(at, { hour: "numeric" });
  }

  /** What the clocks there show, as minutes after the hour. @param {number} at */
  minutesAfterHour(at) {
    return Number(this.#formatter("en-u-nu-latn", { minute: "numeric" }).format(new Date(at)));
  }

  /** @param {string | number} at */
  date(at) {
    return this.#format(at, { weekday: "long", day: "numeric", month: "long" });
  }

  /** A calendar day, the same in every zone. @param {string} day YYYY-MM-DD */
  day(day) {
    const options = /** @type {const} */ ({ weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
    return new Intl.DateTimeFormat(this.#locale, options).format(new Date(`${day}T00:00:00Z`));
  }

  /** @param {string | number} at */
  weekday(at) {
    return this.#format(at, { weekday: "long" });
  }

  /** @param {string | number} at */
  weekdayShort(at) {
    return this.#format(at, { weekday: "short" });
  }

  /** How many midnights there are between, there: 1 for what is tomorrow. @param {string | number} at @param {number} now */
  daysUntil(at, now) {
    return Math.round((this.#midnight(at) - this.#midnight(now)) / 86_400_000);
  }

  /** A number of minutes before a start, or several with commas between them. @param {string} minutes */
  minutes(minutes) {
    const options = /** @type {const} */ ({ style: "unit", unit: "minute", unitDisplay: "long" });
    const format = new Intl.NumberFormat(this.#locale, options);
    return minutes.split(",").map((one) => (one === "0" ? this.word("at_start") : format.format(Number(one)))).join(", ");
  }

  /** How long before a start, in the largest unit that fits. @param {number} minutes */
  lead(minutes) {
    if (minutes === 0) return this.word("at_start");
    /** @type {[number, string][]} */
    const units = [[1440, "day"], [60, "hour"], [1, "minute"]];
    const parts = [];
    let rest = minutes;
    for (const [size, unit] of units) {
      const count = Math.floor(rest / size);
      rest -= count * size;
      if (count) parts.push(new Intl.NumberFormat(this.#locale, { style: "unit", unit, unitDisplay: "long" }).format(count));
    }
    return parts.join(" ");
  }

  /** A time of day, the same in every zone. @param {string} time HH:MM */
  wall(time) {
    return this.timeIn(`2000-01-01T${time}:00Z`, "UTC");
  }

  /** @param {string} at @param {string} zone */
  timeIn(at, zone) {
    return new Intl.DateTimeFormat(this.#locale, { hour: "numeric", minute: "2-digit", timeZone: zone }).format(new Date(at));
  }

  /** What the clocks of a zone show, as minutes after midnight. @param {string} at @param {string} zone */
  minuteOfDay(at, zone) {
    const options = /** @type {const} */ ({ hour: "numeric", minute: "numeric", hourCycle: "h23", timeZone: zone });
    const parts = new Intl.DateTimeFormat("en-u-nu-latn", options).formatToParts(new Date(at));
    const [hours, minutes] = ["hour", "minute"].map((type) => Number(parts.find((part) => part.type === type)?.value));
    return (hours ?? 0) * 60 + (minutes ?? 0);
  }

  /** How long ago, in the largest unit that fits. @param {number} seconds */
  ago(seconds) {
    const format = new Intl.RelativeTimeFormat(this.#locale, { numeric: "auto" });
    const units = /** @type {const} */ ([["day", 86_400], ["hour", 3600], ["minute", 60]]);
    const [unit, size] = units.find(([, size]) => seconds >= size) ?? /** @type {const} */ (["second", 1]);
    return format.format(-Math.floor(seconds / size), unit);
  }

  /** How large a file is. @param {number} bytes */
  size(bytes) {
    const [unit, size] = bytes < 1_000_000 ? ["kilobyte", 1000] : ["megabyte", 1_000_000];
    const options = /** @type {const} */ ({ style: "unit", unitDisplay: "short", maximumFractionDigits: 1 });
    return new Intl.NumberFormat(this.#locale, { ...options, unit: String(unit) }).format(bytes / Number(size));
  }

  /** @param {number} milliseconds */
  span(milliseconds) {
    const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
    const [hours, rest] = [Math.floor(seconds / 3600), [Math.floor(seconds / 60) % 60, seconds % 60]];
    const shown = hours > 0 ? [hours, ...rest] : rest;
    return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
  }

  /** The day on which it is there, as the midnight of that day in UTC. @param {string | number} at */
  #midnight(at) {
    const parts = this.#formatter("en-u-ca-gregory-nu-latn", { year: "numeric", month: "numeric", day: "numeric" }).formatToParts(new Date(at));
    const [year, month, day] = ["year", "month", "day"].map((type) => Number(parts.find((part) => part.type === type)?.value));
    return Date.UTC(year ?? 0, (month ?? 1) - 1, day);
  }

  /** @param {string | number} at @param {Intl.DateTimeFormatOptions} options */
  #format(at, options) {
    return this.#formatter(this.#locale, options).format(new Date(at));
  }

  /** Kept, because making one takes much longer than using it. @param {string} locale @param {Intl.DateTimeFormatOptions} options */
  #formatter(locale, options) {
    const key = JSON.stringify([locale, options, this.zone]);
    const known = this.#formatters.get(key) ?? new Intl.DateTimeFormat(locale, { ...options, timeZone: this.zone });
    this.#formatters.set(key, known);
    return known;
  }
}
