// The time line: axis, now-line and Mia's marks around the list of appointments, which has its places from here.

import { create } from "../../lib/dom.js";
import { expand } from "./details.js";
import { group, hours, layOut, range } from "./layout.js";

/**
 * @typedef {import("./appointments.js").Appointment} Appointment
 * @typedef {import("../day.js").Planned} Planned
 * @typedef {import("../../lib/format.js").Format} Format
 * @typedef {import("./layout.js").Span} Span
 * @typedef {{at: number, state: string, said: Planned}} Mark
 */

const HOUR = 3_600_000;
/** As high as a finger needs, in hours of the drawing; style: `--hour` and `--finger`. */
const FINGER = (2.75 / 4.5) * HOUR;
/** Marks nearer than this would lie on each other. */
const NEAR = HOUR / 3;
/** Which state a group shows: the first of these that one of its marks has. */
const URGENT = ["missed", "failed", "held", "planned", "ready", "sent", "played"];

export class Line {
  #format;
  #scroller;
  #canvas;
  #back;
  #marks;
  #markItem;
  #nowLine = create("div", "now-line");
  /** @type {Span} */
  #shown = { start: 0, end: 0 };

  /** @param {HTMLElement} scroller @param {Format} format @param {(said: Planned[], state: string) => HTMLElement} markItem makes a mark */
  constructor(scroller, format, markItem) {
    this.#format = format;
    this.#scroller = scroller;
    this.#canvas = /** @type {HTMLElement} */ (scroller.querySelector(".line-canvas"));
    this.#back = /** @type {HTMLElement} */ (scroller.querySelector(".line-back"));
    this.#marks = /** @type {HTMLElement} */ (scroller.querySelector(".marks"));
    this.#markItem = markItem;
  }

  /**
   * @param {Span} day
   * @param {{one: Appointment, item: HTMLElement}[]} appointments those with a time
   * @param {Planned[]} said of this day
   * @param {number} now
   */
  draw(day, appointments, said, now) {
    const { start: before } = this.#shown;
    const spans = appointments.map(({ one }) => cut({ start: Date.parse(one.starts_at), end: Date.parse(one.ends_at) }, day));
    const marks = said.map((one) => ({ at: Date.parse(one.play_at), state: one.state, said: one })).filter(({ at }) => at >= day.start && at < day.end);
    const full = hours(day, (at) => this.#format.minutesAfterHour(at));
    const happens = [...spans, ...marks.map(({ at }) => ({ start: at, end: at }))];
    this.#shown = range(full, happens, now);
    this.#canvas.style.setProperty("--hours", String((this.#shown.end - this.#shown.start) / HOUR));
    layOut(spans, FINGER).forEach((place, index) => {
      const [span, item] = [spans[index], appointments[index]?.item];
      if (!span || !item) return;
      this.#place(item, span.start);
      item.style.setProperty("--long", String((span.end - span.start) / HOUR));
      for (const name of /** @type {const} */ (["lane", "lanes", "width"])) item.style.setProperty(`--${name}`, String(place[name]));
    });
    this.#back.replaceChildren(...this.#axis(full), this.#nowLine);
    const [focused, open] = [this.#timeOf(":focus"), this.#timeOf('[aria-expanded="true"]')];
    this.#marks.replaceChildren(...group(marks, NEAR).map((some) => this.#mark(some)));
    this.#restore(focused, open);
    this.moveNow(now);
    if (before) this.#scroller.scrollTop += this.#pixels(before - this.#shown.start);
    else this.scrollTo(now);
  }

  /** Move the now-line. @param {number} now */
  moveNow(now) {
    this.#nowLine.hidden = now < this.#shown.start || now > this.#shown.end;
    this.#place(this.#nowLine, now);
    const time = this.#format.shortTime(now);
    if (this.#nowLine.dataset.time !== time) this.#nowLine.dataset.time = time;
  }

  /** Scroll so that this is in the upper third. @param {number} at */
  scrollTo(at) {
    this.#scroller.scrollTop = this.#pixels(at - this.#shown.start) - this.#scroller.clientHeight / 3;
  }

  clear() {
    this.#shown = { start: 0, end: 0 };
    this.#back.replaceChildren();
    this.#marks.replaceChildren();
  }

  /** @param {number[]} full */
  #axis(full) {
    return full
      .filter((at) => at >= this.#shown.start && at <= this.#shown.end)
      .map((at) => {
        const tick = create("div", "tick", this.#format.hour(at));
        this.#place(tick, at);
        return tick;
      });
  }

  /** @param {Mark[]} some at about the same time */
  #mark(some) {
    const state = URGENT.find((one) => some.some((mark) => mark.state === one)) ?? "ready";
    const item = this.#markItem(some.map(({ said }) => said), state);
    this.#place(item, some[0]?.at ?? 0);
    return item;
  }

  /** @param {string} which a selector @returns the time of the mark that it finds */
  #timeOf(which) {
    return /** @type {HTMLElement | null} */ (this.#marks.querySelector(`.mark${which}`))?.dataset.at;
  }

  /** Focus and open the marks that replace those. @param {string | undefined} focused @param {string | undefined} open */
  #restore(focused, open) {
    for (const mark of /** @type {NodeListOf<HTMLElement>} */ (this.#marks.querySelectorAll(".mark"))) {
      const { at } = mark.dataset;
      if (at === focused) mark.focus({ preventScroll: true });
      if (at === focused || at === open) expand(mark, at === open);
    }
  }

  /** @param {HTMLElement} element @param {number} at */
  #place(element, at) {
    element.style.setProperty("--from", String((at - this.#shown.start) / HOUR));
  }

  /** @param {number} milliseconds */
  #pixels(milliseconds) {
    const long = this.#shown.end - this.#shown.start;
    return long > 0 ? (milliseconds / long) * this.#canvas.clientHeight : 0;
  }
}

/** @param {Span} span @param {Span} day */
function cut({ start, end }, day) {
  return { start: Math.max(start, day.start), end: Math.min(end, day.end) };
}
