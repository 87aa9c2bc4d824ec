// The list of what Mia will say, and of what she said in the last hour.

import { create, fill } from "../../lib/dom.js";

/** @typedef {import("../day.js").Planned} Planned @typedef {import("../../lib/format.js").Format} Format */
/** @typedef {(dialect: string) => {label: string, language: string}} DialectOf */

const MOST = 12;
const HOUR = 3_600_000;
const OVER = new Set(["played", "failed", "missed", "cancelled", "held"]);

/**
 * @param {HTMLElement} list
 * @param {Planned[]} planned
 * @param {Format} format
 * @param {number} now
 * @param {DialectOf} dialectOf
 * @param {string} none what is said where there is none
 */
export function showPlanned(list, planned, format, now, dialectOf, none) {
  const coming = once(planned).filter(({ play_at, state }) => !OVER.has(state) || Date.parse(play_at) > now - HOUR);
  const first = coming.find(({ play_at, state }) => !OVER.has(state) && Date.parse(play_at) >= now);
  const rows = coming.slice(0, MOST).map((one) => plannedItem(one, format, now, dialectOf, one === first));
  if (coming.length > MOST) rows.push(create("li", "empty", format.word("and_more", { count: coming.length - MOST })));
  fill(list, rows, none);
}

/**
 * @param {Planned} one
 * @param {Format} format
 * @param {number} now
 * @param {DialectOf} dialectOf
 * @param {boolean} isFirst
 */
export function plannedItem(one, format, now, dialectOf, isFirst = false) {
  const { label, language } = dialectOf(one.dialect);
  const text = create("span", "what", one.text);
  text.setAttribute("lang", language);
  const which = create("span", "which");
  which.append(create("span", "dialect", label), ` · ${stateOf(one, format)}`);
  const days = format.daysUntil(one.play_at, now);
  if (days !== 0) which.append(` · ${days === 1 ? format.word("tomorrow") : format.date(one.play_at)}`);
  const row = create("li", "announcement");
  row.classList.toggle("first", isFirst);
  row.classList.toggle("over", OVER.has(one.state));
  row.append(create("span", "when", format.time(one.play_at)), text, which);
  return row;
}

/** What is or was done with it, in words. @param {Planned} one @param {Format} format */
export function stateOf(one, format) {
  const isHeldByPlan = one.state === "held" && one.held_for !== null;
  return format.word(isHeldByPlan ? `held_${one.held_for}` : `state_${one.state}`);
}

/** With several devices the same words are planned several times; one line is enough. @param {Planned[]} planned */
export function once(planned) {
  const seen = new Map(planned.map((one) => [`${one.play_at} ${one.text}`, one]));
  return [...seen.values()].sort((one, other) => Date.parse(one.play_at) - Date.parse(other.play_at));
}
