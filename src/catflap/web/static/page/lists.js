// Show appointments as a plain list, without a network. Titles come from others: inserted as text, never as markup.

import { create, fill } from "../lib/dom.js";

/** @typedef {import("./today/appointments.js").Appointment} Appointment */

/**
 * @param {HTMLElement} list
 * @param {Appointment[]} appointments
 * @param {import("../lib/format.js").Format} format
 * @param {number} now
 */
export function showAppointments(list, appointments, format, now) {
  const several = new Set(appointments.map(({ calendar }) => calendar)).size > 1;
  const rows = appointments.map(({ title, starts_at, ends_at, all_day, calendar }) => {
    const [start, end] = [Date.parse(starts_at), Date.parse(ends_at)];
    const goesOn = !all_day && start <= now && now < end;
    const when = all_day ? format.word("all_day") : format.time(start);
    const which = [all_day ? "" : format.word("until", { time: format.time(end) }), several ? calendar : ""];
    const what = create("span", "what", title || format.word("untitled"));
    if (goesOn) what.append(create("span", "badge", format.word("now")));
    const row = create("li", "appointment");
    row.classList.toggle("past", !all_day && end <= now);
    row.classList.toggle("going-on", goesOn);
    row.append(create("span", "when", when), what, create("span", "which", which.filter(Boolean).join(" · ")));
    return row;
  });
  fill(list, rows, format.word("today_free"));
}
