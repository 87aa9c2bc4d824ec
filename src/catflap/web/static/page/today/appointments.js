// An appointment as an item of the list that is also the drawing: a button, and what opens at it.
// Titles and places come from others: inserted as text, never as markup.

import { create } from "../../lib/dom.js";

/**
 * @typedef {object} Appointment
 * @property {string} title
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {boolean} all_day
 * @property {string} calendar
 * @property {string | null} color
 * @property {string | null} place
 * @property {string | null} conference_link
 * @property {number | null} attendees
 * @property {string | null} organizer
 *
 * @typedef {import("../../lib/format.js").Format} Format
 * @typedef {import("./layout.js").Span} Span
 */

let made = 0;

/**
 * @param {Appointment} one
 * @param {Format} format
 * @param {Span} day the day that is shown; what it began before or ends after is said with its day
 * @param {boolean} isOneOfSeveral whether to say of which calendar it is
 */
export function appointmentItem(one, format, day, isOneOfSeveral) {
  const item = create("li", "appointment");
  const block = /** @type {HTMLButtonElement} */ (create("button", "block"));
  block.type = "button";
  const [start, end] = [Date.parse(one.starts_at), Date.parse(one.ends_at)];
  const [isFromBefore, isToAfter] = [start < day.start, end > day.end];
  const when = create("span", "when", one.all_day ? format.word("all_day") : timeOf(start, isFromBefore, format));
  const what = create("span", "what", one.title || format.word("untitled"));
  const until = one.all_day ? lastDay(end, isToAfter, format) : format.word("until", { time: timeOf(end, isToAfter, format) });
  const which = create("span", "which", [until, isOneOfSeveral ? one.calendar : ""].filter(Boolean).join(" · "));
  block.append(when, " ", what, " ", which);
  const detail = detailOf(one, format, `${when.textContent} – ${timeOf(end, isToAfter, format)}`);
  block.setAttribute("aria-expanded", "false");
  block.setAttribute("aria-controls", detail.id);
  item.classList.toggle("from-before", !one.all_day && isFromBefore);
  item.classList.toggle("to-after", !one.all_day && isToAfter);
  if (one.place || one.conference_link) block.append(extras(one));
  if (one.color) item.style.setProperty("--calendar", one.color);
  item.append(block, detail);
  return item;
}

/** Show which of them go on and which are over. @param {HTMLElement} item @param {Appointment} one @param {number} now @param {Format} format */
export function showProgress(item, one, now, format) {
  const [start, end] = [Date.parse(one.starts_at), Date.parse(one.ends_at)];
  const goesOn = !one.all_day && start <= now && now < end;
  item.classList.toggle("past", !one.all_day && end <= now);
  if (goesOn === item.classList.toggle("going-on", goesOn) && goesOn === Boolean(item.querySelector(".badge"))) return;
  if (goesOn) item.querySelector(".what")?.append(create("span", "badge", format.word("now")));
  else item.querySelector(".badge")?.remove();
}

/** @param {number} at @param {boolean} isOtherDay @param {Format} format */
function timeOf(at, isOtherDay, format) {
  return isOtherDay ? `${format.weekdayShort(at)} ${format.time(at)}` : format.time(at);
}

/** @param {number} end the midnight after @param {boolean} isToAfter @param {Format} format */
function lastDay(end, isToAfter, format) {
  return isToAfter ? format.word("until", { time: format.weekday(end - 1) }) : "";
}

/** Signs that there is a place or a video conference. @param {Appointment} one */
function extras(one) {
  const signs = create("span", "signs");
  signs.setAttribute("aria-hidden", "true");
  for (const [name, has] of /** @type {const} */ ([["pin", one.place], ["video", one.conference_link]])) {
    if (has) signs.append(sign(name));
  }
  return signs;
}

/** A drawing of the template's, by its name. @param {string} name */
export function sign(name) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("class", "sign");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  picture.setAttribute("focusable", "false");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#sign-${name}`);
  picture.append(use);
  return picture;
}

/** @param {Appointment} one @param {Format} format @param {string} times */
function detailOf(one, format, times) {
  const detail = create("div", "detail");
  detail.id = `appointment-${++made}`;
  detail.hidden = true;
  detail.append(create("p", "detail-what", one.title || format.word("untitled")));
  const lines = [one.all_day ? format.word("all_day") : times, one.calendar];
  if (one.attendees !== null && one.attendees > 1) lines.push(format.word("people", { count: one.attendees }));
  if (one.organizer) lines.push(format.word("organizer", { name: one.organizer }));
  detail.append(create("p", "detail-when", lines.filter(Boolean).join(" · ")));
  if (one.place) {
    const place = create("p", "detail-place");
    place.append(sign("pin"), create("span", "", one.place));
    detail.append(place);
  }
  if (one.conference_link) {
    const link = /** @type {HTMLAnchorElement} */ (create("a", "chip join", format.word("join")));
    link.href = one.conference_link;
    link.target = "_blank";
    link.rel = "noreferrer";
    link.prepend(sign("video"));
    detail.append(link);
  }
  return detail;
}
