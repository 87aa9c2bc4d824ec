// The screen "Today": the time line, the same as a list, what Mia said earlier, and what to do when there is nothing.

import { create, fill } from "../../lib/dom.js";
import { recall, remember } from "../../lib/memory.js";
import { appointmentItem, showProgress } from "../today/appointments.js";
import { handleDetails } from "../today/details.js";
import { Earlier } from "../today/earlier.js";
import { Line } from "../today/line.js";
import { markItem } from "../today/mark.js";
import { Nothing } from "../today/nothing.js";
import { once, showPlanned } from "../today/planned.js";
import { showProblems } from "../today/problems.js";

/** @typedef {import("../today/appointments.js").Appointment} Appointment */

const TICK = 15_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, { api, format, clock, device, session, day }) {
  if (!day) return {};
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (section.querySelector(selector));
  const [timed, allDay, planned, problems, scroller] = [find("#appointments"), find("#all-day"), find("#announcements"), find("#problems"), find("#line")];
  const [card, clocks] = [find(".line-card"), find("#clocks")];
  const dialectOf = (/** @type {string} */ dialect) => day.dialect(dialect);
  const line = new Line(scroller, format, (said, state) => markItem(said, state, format, clock.now(), dialectOf));
  const earlier = new Earlier(find(".earlier-card"), api, format, () => device.id);
  const nothing = new Nothing(find("#nothing"));
  /** @type {{one: Appointment, item: HTMLElement}[]} */
  let items = [];
  let [drawn, listed] = ["", ""];

  asList(find("#as-list"), card, () => line.scrollTo(clock.now()));
  handleDetails(section);
  const timer = setInterval(tick, TICK);
  session.signal.addEventListener("abort", () => clearInterval(timer));
  show();
  return { shown, changed: show, forget };

  function shown() {
    show();
    line.scrollTo(clock.now());
  }

  function show() {
    const read = day?.document;
    if (!read) return notRead();
    find("#today-date").textContent = format.day(read.day);
    showProblems(problems, read.problems, format);
    const isEmpty = read.appointments.length === 0;
    if (read.syncing && isEmpty) return; // the skeletons stay
    const labels = new Set(day.planned.map(({ dialect }) => dialectOf(dialect).label));
    const news = JSON.stringify([read, day.planned, [...labels]]);
    if (news !== drawn) draw(read);
    drawn = news;
    tick();
  }

  /** @param {import("../day.js").DayDocument} read */
  function draw(read) {
    const now = clock.now();
    const span = { start: Date.parse(read.starts_at), end: Date.parse(read.ends_at) };
    const several = new Set(read.appointments.map(({ calendar }) => calendar)).size > 1;
    const focused = focusedItem(items);
    items = read.appointments.map((one) => ({ one, item: appointmentItem(one, format, span, several) }));
    const [whole, others] = [items.filter(({ one }) => one.all_day), items.filter(({ one }) => !one.all_day)];
    allDay.replaceChildren(...whole.map(({ item }) => item));
    allDay.hidden = whole.length === 0;
    listed = "";
    clocks.hidden = span.end - span.start === DAY;
    clocks.textContent = clocks.hidden ? "" : format.word(span.end - span.start < DAY ? "clocks_forward" : "clocks_back");
    fill(timed, others.map(({ item }) => item), format.word(`today_${nothing.why(read)}`));
    nothing.show(read);
    card.classList.toggle("drawn", others.length > 0);
    if (others.length > 0) line.draw(span, others, once(day?.planned ?? []), now);
    else line.clear();
    items.find(({ one }) => isSame(one, focused))?.item.querySelector("button")?.focus({ preventScroll: true });
  }

  function tick() {
    const read = day?.document;
    if (!read) return;
    const now = clock.now();
    for (const { one, item } of items) showProgress(item, one, now, format);
    line.moveNow(now);
    // Rows with buttons are made anew only where they differ.
    const due = (/** @type {number} */ at) => day.planned.filter(({ play_at }) => Date.parse(play_at) <= at).length;
    const differs = [drawn.length, due(now), due(now - HOUR), format.date(now)].join();
    if (differs === listed) return;
    listed = differs;
    showPlanned(planned, day.planned, format, now, dialectOf, format.word(read.connected ? "will_say_none" : "next_unconnected"));
    earlier.show(day.planned, Date.parse(read.starts_at), now, dialectOf);
  }

  function notRead() {
    for (const list of [timed, planned]) {
      if (day?.hasFailed && list.getAttribute("aria-busy") !== "false") list.replaceChildren(create("li", "empty", format.word("not_loaded")));
    }
  }

  function forget() {
    [items, drawn, listed] = [[], "", ""];
    for (const list of [timed, allDay, planned, problems]) list.replaceChildren();
    line.clear();
    earlier.clear();
  }
}

/** The button that changes between drawing and list. @param {HTMLElement} button @param {HTMLElement} card @param {() => void} onDrawing */
function asList(button, card, onDrawing) {
  const key = `catflap.list.${button.dataset.user}`;
  const show = (/** @type {boolean} */ isList) => {
    card.classList.toggle("as-list", isList);
    button.setAttribute("aria-pressed", String(isList));
    if (!isList) onDrawing();
  };
  show(recall(key, false));
  button.addEventListener("click", () => {
    const isList = button.getAttribute("aria-pressed") !== "true";
    remember(key, isList);
    show(isList);
  });
}

/** @param {{one: Appointment, item: HTMLElement}[]} items */
function focusedItem(items) {
  return items.find(({ item }) => item.contains(document.activeElement))?.one;
}

/** @param {Appointment} one @param {Appointment | undefined} other */
function isSame(one, other) {
  return one.title === other?.title && one.starts_at === other.starts_at && one.calendar === other.calendar;
}
