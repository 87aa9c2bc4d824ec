// Buttons about the last announcement: hear it again, later again, or no more.

import { byId } from "../lib/dom.js";

const RECENT = 30 * 60_000;
const SNOOZE_MINUTES = 5;
const HEARD = new Set(["played", "held"]);

/** @typedef {{id: string, play_at: string}} Said */

export class Reactions {
  #api;
  #format;
  #clock;
  #area = byId("reactions", HTMLElement);
  #note = byId("reaction", HTMLElement);
  /** @type {Said | null} */
  #last = null;

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {import("../lib/clock.js").ServerClock} clock
   */
  constructor(api, format, clock) {
    this.#api = api;
    this.#format = format;
    this.#clock = clock;
    for (const button of this.#area.querySelectorAll("button")) {
      button.addEventListener("click", () => this.#react(button.name));
    }
    setInterval(() => this.#show(), 60_000);
  }

  /** It is being said now. @param {Said} said */
  about(said) {
    if (said.id !== this.#last?.id) this.#note.textContent = "";
    this.#last = said;
    this.#show();
  }

  /** What was said lately, here or on another device. @param {(Said & {state: string})[]} planned in order of time */
  learn(planned) {
    const last = planned.filter(({ state }) => HEARD.has(state)).pop();
    if (last && Date.parse(last.play_at) >= Date.parse(this.#last?.play_at ?? "1970-01-01")) this.about(last);
  }

  forget() {
    this.#last = null;
    this.#show();
  }

  #show() {
    this.#area.hidden = !this.#last || Date.parse(this.#last.play_at) < this.#clock.now() - RECENT;
  }

  /** @param {string} action as in the address of the call */
  async #react(action) {
    if (!this.#last) return;
    const body = action === "snooze" ? { minutes: SNOOZE_MINUTES } : undefined;
    try {
      const answer = await this.#api.send("POST", `/v1/announcements/${encodeURIComponent(this.#last.id)}/${action}`, body);
      const time = answer.play_at ? this.#format.time(answer.play_at) : "";
      this.#note.textContent = this.#format.word(`did_${action}`, { time });
    } catch {
      this.#note.textContent = this.#format.word("not_done");
    }
  }
}
