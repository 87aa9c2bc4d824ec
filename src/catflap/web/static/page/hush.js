// Mute Mia on all devices: for an hour, until tomorrow, or until somebody ends it.

import { byId } from "../lib/dom.js";

/** Ends of a mute beyond this are none; the server's is the year 2100. */
const NEVER_ENDS = Date.parse("2099-01-01T00:00:00Z");

export class Hush {
  #api;
  #format;
  #area = byId("hush", HTMLElement);
  #note = byId("muted-note", HTMLElement);
  #letSpeak = byId("let-speak", HTMLElement);
  #clock;

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {import("../lib/clock.js").ServerClock} clock
   */
  constructor(api, format, clock) {
    this.#clock = clock;
    this.#api = api;
    this.#format = format;
    for (const button of this.#area.querySelectorAll("button")) {
      button.addEventListener("click", () => this.#mute(button.value));
    }
  }

  /** Show whether she is mute, and until when. @param {boolean} isMuted @param {string | null} until */
  show(isMuted, until) {
    this.#area.hidden = isMuted;
    const ends = until !== null && Date.parse(until) < NEVER_ENDS;
    const text = isMuted ? this.#format.word(ends ? "muted_until" : "muted", { time: ends ? this.#end(until) : "" }) : "";
    this.#letSpeak.hidden = !isMuted;
    if (this.#note.textContent !== text) this.#note.textContent = text;
  }

  /** @param {string} until */
  #end(until) {
    const [days, time] = [this.#format.daysUntil(until, this.#clock.now()), this.#format.time(until)];
    if (days === 0) return time;
    return `${days === 1 ? this.#format.word("tomorrow") : this.#format.weekday(until)} ${time}`;
  }

  /** Let all devices speak again. */
  async end() {
    await this.#api.send("DELETE", "/v1/mute").catch(() => {});
  }

  /** @param {string} lasts `hour`, `tomorrow` or `always` */
  async #mute(lasts) {
    try {
      await this.#api.send("PUT", "/v1/mute", { for: lasts });
    } catch {
      this.#note.textContent = this.#format.word("not_done");
    }
  }
}
