// Watches whether the session still exists. When it has ended elsewhere, the page goes silent, deletes what it
// holds and reloads as the signed-out page. A network error does not count as an end.

import { delay } from "../lib/clock.js";
import { forget } from "../lib/memory.js";

/** How often the session is checked. */
const OFTEN = 10_000;
/** A longer pause of this page's timers means that the computer slept; hidden tabs run theirs once a minute. */
const SLEEP = 180_000;
/** How long speaking waits for an answer; after that the network counts as down. */
const PATIENCE = 1500;
/** A page that ends twice within this time is not reloaded at once, whatever is wrong. */
const CALM = 3000;
/** The channel of all our pages in this browser, of every user. */
export const CHANNEL = "catflap.session";

/** @typedef {"alive" | "ended" | "unknown"} State */

export class Session {
  #api;
  #user;
  #channel = new BroadcastChannel(CHANNEL);
  #over = new AbortController();
  #mustCheck = false;
  #ticked = Date.now();
  /** What may be ending the session at this page's own wish. @type {Promise<unknown>} */
  #ending = Promise.resolve();
  #isLeaving = false;

  /** @param {import("../lib/api.js").Api} api @param {number} user */
  constructor(api, user) {
    this.#api = api;
    this.#user = user;
    api.onRefused = (status) => this.#refused(status);
    this.#channel.onmessage = () => this.check();
    for (const event of ["focus", "online"]) window.addEventListener(event, () => this.check());
    document.addEventListener("visibilitychange", () => document.hidden || this.check());
    // Back from the history, a page is shown as it was left, however long ago.
    window.addEventListener("pageshow", ({ persisted }) => {
      if (!persisted) return;
      this.#silence();
      location.reload();
    });
    setInterval(() => this.#tick(), OFTEN);
    this.tellOthers();
  }

  /** Aborted when the session has ended. */
  get signal() {
    return this.#over.signal;
  }

  /** Have the other pages of this browser check their session. */
  tellOthers() {
    this.#channel.postMessage("look");
  }

  /** Say nothing before the next answer: after sleep, or when the stream says that this device is gone. */
  requireCheck() {
    this.#mustCheck = true;
  }

  /**
   * End the session by `act`, which deletes the user, and leave for `address`. The end that others tell of meanwhile
   * is its own, if it succeeds.
   * @param {() => Promise<unknown>} act
   * @param {string} address
   */
  async endBy(act, address) {
    const acting = act();
    this.#ending = acting.catch(() => {});
    await acting;
    this.#silence();
    forget();
    this.tellOthers();
    location.replace(address);
  }

  /** A form of this page ends the session and leads elsewhere: reloading would be in its way. */
  endByForm() {
    this.#isLeaving = true;
    forget();
  }

  /** Ask. @returns {Promise<State>} */
  async check() {
    if (this.signal.aborted) return "ended";
    try {
      await this.#api.get("/v1/session", this.#api.prefixes.me);
      this.#mustCheck = false;
    } catch {
      return this.signal.aborted ? "ended" : "unknown";
    }
    return this.signal.aborted ? "ended" : "alive";
  }

  /**
   * Return when something may be said. Without a network Mia goes on with what she has, unless a check is required.
   * @param {AbortSignal} signal
   */
  async maySpeak(signal) {
    for (;;) {
      const late = new AbortController();
      const either = AbortSignal.any([signal, late.signal]);
      const state = await Promise.race([this.check(), delay(PATIENCE, either).catch(() => {})]);
      late.abort();
      signal.throwIfAborted();
      this.signal.throwIfAborted();
      if (state === "alive" || !this.#mustCheck) return;
      await delay(2000, signal);
    }
  }

  #tick() {
    const slept = Date.now() - this.#ticked > SLEEP;
    this.#ticked = Date.now();
    if (slept) this.requireCheck();
    if (slept || !document.hidden) this.check();
  }

  /**
   * A call was refused: nobody is signed in (401), or the browser has another session than this page (403).
   * @param {number} status
   */
  async #refused(status) {
    if (this.signal.aborted) return;
    await this.#ending;
    if (this.signal.aborted) return;
    this.#silence();
    // The same user with a new session keeps the device and what was said already.
    const same = status === 403 && (await this.#whoIsSignedIn()) === this.#user;
    if (!same) forget();
    this.tellOthers();
    this.#leave();
  }

  async #whoIsSignedIn() {
    try {
      const response = await fetch(`${this.#api.prefixes.me}/v1/session`, { credentials: "same-origin", cache: "no-store" });
      return response.ok ? (await response.json()).user_id : null;
    } catch {
      return null;
    }
  }

  #silence() {
    this.#over.abort();
    document.body.hidden = true;
  }

  /** Reload: the server decides which page is shown. */
  #leave() {
    if (this.#isLeaving) return;
    if (leftJustNow()) setTimeout(() => location.reload(), CALM);
    else location.reload();
  }
}

function leftJustNow() {
  try {
    const last = Number(sessionStorage.getItem("catflap.left") ?? 0);
    sessionStorage.setItem("catflap.left", String(Date.now()));
    return Math.abs(Date.now() - last) < CALM;
  } catch {
    return false;
  }
}
