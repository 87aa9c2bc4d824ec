// What to do when there is nothing to show: each reason has its own words.

/** With the words `today_…`. @typedef {"free" | "all_day" | "unconnected" | "none_selected" | "unread"} Why */

export class Nothing {
  #area;

  /** @param {HTMLElement} area has an element with `data-why` for each reason that has a hint */
  constructor(area) {
    this.#area = area;
  }

  /** Why there is no appointment with a time. @param {import("../day.js").DayDocument} day @returns {Why} */
  why({ appointments, connected, calendars, problems }) {
    if (appointments.length > 0) return "all_day";
    if (!connected) return "unconnected";
    if (problems.some(({ kind }) => kind !== "removed")) return "unread";
    return calendars === 0 ? "none_selected" : "free";
  }

  /** @param {import("../day.js").DayDocument} day */
  show(day) {
    const isEmpty = day.appointments.length === 0;
    const why = this.why(day);
    this.#area.hidden = !isEmpty;
    for (const hint of this.#area.querySelectorAll("[data-why]")) hint.toggleAttribute("hidden", hint.getAttribute("data-why") !== why);
  }
}
