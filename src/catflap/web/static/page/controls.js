// The controls of Mia: wake, mute, volume, say the next one now.

import { byId } from "../lib/dom.js";
import { recall, remember } from "../lib/memory.js";
import { Next } from "./next.js";

/**
 * @typedef {object} Parts
 * @property {import("./speaker.js").Speaker} speaker
 * @property {import("./mia.js").Mia} mia
 * @property {import("../lib/clock.js").ServerClock} clock
 * @property {import("./schedule.js").Schedule} schedule
 * @property {import("./performance.js").Performance} performance
 * @property {import("../lib/format.js").Format} format
 * @property {import("./device.js").Device} device
 * @property {import("./hush.js").Hush} hush
 * @property {(announcement: import("./schedule.js").Announcement) => import("./mia.js").Line} lineOf
 * @property {() => boolean} isConnected whether there is a Google account, as far as is known
 * @property {number} user
 */

export class Controls {
  #parts;
  #busy = false;
  #speaksHere = false;
  /** @type {string | null} a mute set on the server, and the one lifted by hand here */
  #mutedUntil = null;
  #lifted = "";
  #muted;
  #next;
  #sayNext = byId("say-next", HTMLButtonElement);
  #mute = byId("mute", HTMLElement);
  #volume = byId("volume", HTMLInputElement);

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#next = new Next(parts.format, parts.lineOf);
    this.#muted = recall(this.#key, false);
    this.#sayNext.addEventListener("click", () => this.#sayNow());
    for (const button of [this.#mute, byId("let-speak", HTMLElement)]) button.addEventListener("click", () => this.#toggleMute());
    this.#volume.addEventListener("input", () => (parts.speaker.volume = Number(this.#volume.value)));
    this.#volume.addEventListener("change", () => parts.device.adjust({ volume: Number(this.#volume.value) }));
    // Any gesture on the page permits sound (browsers' autoplay policy); the big button only asks for one.
    for (const gesture of ["pointerup", "keydown"]) window.addEventListener(gesture, () => this.#wake());
    parts.speaker.addEventListener("change", () => this.tick());
    setInterval(() => this.tick(), 500);
    this.tick();
  }

  /** Adopt the volume and mute of a schedule. @param {import("./schedule.js").ScheduleDocument} document */
  apply(document) {
    this.#mutedUntil = document.muted_until;
    this.#volume.value = String(document.volume);
    this.#parts.speaker.volume = document.volume;
    this.tick();
  }

  /** Whether this tab is the one that speaks. */
  set speaksHere(/** @type {boolean} */ here) {
    this.#speaksHere = here;
    byId("elsewhere", HTMLElement).hidden = here;
    this.tick();
  }

  /** Update everything that is shown. */
  tick() {
    const { speaker, mia, schedule } = this.#parts;
    speaker.isMuted = this.#isMuted;
    this.#mute.setAttribute("aria-pressed", String(speaker.isMuted));
    const label = this.#parts.format.word(speaker.isMuted ? "unmute" : "mute");
    this.#mute.setAttribute("aria-label", label);
    this.#mute.title = label;
    this.#parts.hush.show(speaker.isMuted, this.#muted ? null : this.#mutedUntil);
    const drowsy = this.#speaksHere && !speaker.isAwake;
    byId("wake", HTMLElement).hidden = !drowsy;
    mia.isAsleep = drowsy;
    this.#showNext(schedule.next());
  }

  get #isMuted() {
    const held = this.#mutedUntil !== null && this.#mutedUntil !== this.#lifted && this.#parts.clock.now() < Date.parse(this.#mutedUntil);
    return this.#muted || held;
  }

  /** @param {import("./schedule.js").Announcement | null} next */
  #showNext(next) {
    const { clock, format, schedule } = this.#parts;
    const isConnected = this.#parts.isConnected();
    const none = format.word(isConnected ? "next_none" : "next_unconnected");
    this.#next.show(next, clock.now(), schedule.isKnown ? none : "…");
    const label = format.word(next && !next.audio ? "say_rendering" : "say_next");
    if (this.#sayNext.textContent !== label) this.#sayNext.textContent = label;
    this.#sayNext.disabled = this.#busy || !next?.audio;
  }

  async #sayNow() {
    const { schedule, performance, speaker } = this.#parts;
    const next = schedule.next();
    if (!next) return;
    this.#busy = true;
    this.tick();
    try {
      await speaker.wake();
      await performance.rehearse(next);
    } finally {
      this.#busy = false;
      this.tick();
    }
  }

  #toggleMute() {
    const muted = this.#isMuted;
    if (muted && this.#mutedUntil) {
      this.#lifted = this.#mutedUntil;
      this.#parts.hush.end();
      this.#parts.device.adjust({ muted_until: null });
    }
    this.#muted = !muted;
    remember(this.#key, this.#muted);
    this.tick();
  }

  #wake() {
    if (!this.#parts.speaker.isAwake) this.#parts.speaker.wake();
  }

  get #key() {
    return `catflap.muted.${this.#parts.user}`;
  }
}
