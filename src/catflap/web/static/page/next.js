// The next announcement: in a line beside Mia, and on the screen "Today" with its words and a disc of the minutes left.

import { countdown } from "../lib/countdown.js";
import { byId } from "../lib/dom.js";
import { Disc } from "./disc.js";

/** @typedef {import("./schedule.js").Announcement} Announcement */

export class Next {
  #format;
  #lineOf;
  #times = [...document.querySelectorAll(".next-time")];
  #discs = [.../** @type {NodeListOf<SVGSVGElement>} */ (document.querySelectorAll("svg.disc"))].map((figure) => new Disc(figure));
  #words = byId("next-words", HTMLElement);

  /** @param {import("../lib/format.js").Format} format @param {(announcement: Announcement) => import("./mia.js").Line} lineOf */
  constructor(format, lineOf) {
    this.#format = format;
    this.#lineOf = lineOf;
  }

  /** @param {Announcement | null} next @param {number} now @param {string} none what is said where there is none */
  show(next, now, none) {
    const text = next ? countdown(this.#format, next.play_at, now) : none;
    for (const time of this.#times) if (time.textContent !== text) time.textContent = text;
    for (const disc of this.#discs) disc.show(next ? Date.parse(next.play_at) - now : null);
    this.#words.hidden = !next;
    const line = next ? this.#lineOf(next) : { text: "", dialect: "", language: "" };
    this.#write(".what", line.text, line.language);
    this.#write(".dialect", line.dialect, this.#format.language);
  }

  /** @param {string} part @param {string} text @param {string} language */
  #write(part, text, language) {
    const element = this.#words.querySelector(part);
    if (!element || (element.textContent === text && element.getAttribute("lang") === language)) return;
    element.textContent = text;
    element.setAttribute("lang", language);
  }
}
