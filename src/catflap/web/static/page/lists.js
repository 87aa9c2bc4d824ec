// Show appointments, announcements and problems as lists. Titles come from others: inserted as text, never as markup.

import { create } from "../lib/dom.js";

/**
 * @typedef {{kind: "account" | "failing" | "gone" | "removed", name: string, code: string}} Problem
 * @typedef {{title: string, starts_at: string, ends_at: string, all_day: boolean, calendar: string}} Appointment
 * @typedef {{id: string, play_at: string, kind: string, text: string, dialect: string, state: string, held_for: string | null}} Planned
 */

const MOST = 12;
const OVER = new Set(["played", "failed", "missed", "cancelled", "held"]);

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

/**
 * @param {HTMLElement} list
 * @param {Planned[]} announcements
 * @param {import("../lib/format.js").Format} format
 * @param {number} now
 * @param {(dialect: string) => {label: string, language: string}} dialectOf
 */
export function showAnnouncements(list, announcements, format, now, dialectOf) {
  const coming = once(announcements).filter(({ play_at, state }) => !OVER.has(state) || Date.parse(play_at) > now - 3_600_000);
  const first = coming.find(({ play_at, state }) => !OVER.has(state) && Date.parse(play_at) >= now);
  const rows = coming.slice(0, MOST).map((one) => {
    const { label, language } = dialectOf(one.dialect);
    const text = create("span", "what", one.text);
    text.setAttribute("lang", language);
    const isHeldByPlan = one.state === "held" && one.held_for !== null;
    const state = isHeldByPlan ? format.word(`held_${one.held_for}`) : format.word(`state_${one.state}`);
    const which = create("span", "which");
    which.append(create("span", "dialect", label), ` · ${state}`);
    const days = format.daysUntil(one.play_at, now);
    if (days !== 0) which.append(` · ${days === 1 ? format.word("tomorrow") : format.date(one.play_at)}`);
    const row = create("li", "announcement");
    row.classList.toggle("first", one === first);
    row.classList.toggle("over", OVER.has(one.state));
    row.append(create("span", "when", format.time(one.play_at)), text, which);
    return row;
  });
  if (coming.length > MOST) rows.push(create("li", "empty", format.word("and_more", { count: coming.length - MOST })));
  fill(list, rows, format.word("will_say_none"));
}

/**
 * What can't be read, and what went away.
 * @param {HTMLElement} list
 * @param {Problem[]} problems
 * @param {import("../lib/format.js").Format} format
 */
export function showProblems(list, problems, format) {
  const shown = problems.map(({ kind, name, code }) => {
    const why = format.oneOf(`why_${code}`, "why_other");
    return format.word(`problem_${kind}`, { name: name || format.word("untitled"), why });
  });
  const now = [...list.children].map(({ textContent }) => textContent);
  if (now.join("\n") !== shown.join("\n")) list.replaceChildren(...shown.map((text) => create("li", "problem", text)));
}

/**
 * With several devices the same words are planned several times; one line is enough.
 * @param {Planned[]} announcements
 */
function once(announcements) {
  const seen = new Map(announcements.map((one) => [`${one.play_at} ${one.text}`, one]));
  return [...seen.values()].sort((one, other) => Date.parse(one.play_at) - Date.parse(other.play_at));
}

/** @param {HTMLElement} list @param {HTMLElement[]} rows @param {string} empty */
function fill(list, rows, empty) {
  list.replaceChildren(...(rows.length > 0 ? rows : [create("li", "empty", empty)]));
  list.setAttribute("aria-busy", "false");
}
