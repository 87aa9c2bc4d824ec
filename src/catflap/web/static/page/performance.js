// Play one announcement at a time (sound, mouth, bubble) and acknowledge the outcome.

import { delay } from "../lib/clock.js";

/**
 * @typedef {import("./schedule.js").Announcement} Announcement
 * @typedef {import("./outbox.js").Outcome} Outcome
 * @typedef {object} Parts
 * @property {import("../lib/clock.js").ServerClock} clock
 * @property {import("./sounds.js").Sounds} sounds
 * @property {import("./speaker.js").Speaker} speaker
 * @property {import("./mia.js").Mia} mia
 * @property {import("./outbox.js").Outbox} outbox
 * @property {import("./session.js").Session} session
 * @property {(announcement: Announcement) => import("./mia.js").Line} lineOf
 */

/** What tells of minutes is wrong by more than that. */
const TOO_LATE = 90_000;
/** The kinds that are as true for as long as they are in the schedule. */
const LASTING = new Set(["briefing", "evening", "all_day", "moved", "cancelled", "reconsent", "say", "paired"]);

export class Performance {
  #parts;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();
  /** @type {AbortController | null} */
  #rehearsal = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Say it at `play_at`, or as soon after as she can while it is true, and acknowledge. What she missed because the
   * computer slept, the server has her say in other words.
   * @param {Announcement} announcement
   * @param {AbortSignal} signal cancels until `begin` is called
   * @param {() => void} begin
   */
  async perform(announcement, signal, begin) {
    const { clock, outbox } = this.#parts;
    const [state, detail] = await this.#try(announcement, signal, begin);
    outbox.add({ announcement: announcement.id, state, at: new Date(clock.now()).toISOString(), ...(detail && { detail }) });
  }

  /** Say it this moment because somebody asked; nothing is acknowledged. @param {Announcement} announcement */
  async rehearse(announcement) {
    const { audio } = announcement;
    if (!audio) return;
    const signal = this.#insteadOfOthers([]);
    const buffer = await this.#buffer(audio, signal);
    await this.#now(buffer, () => this.#parts.lineOf(announcement), signal, () => {}).catch(() => {});
  }

  /**
   * Let a voice be heard by somebody who chooses one; what is due comes first.
   * @param {ArrayBuffer} bytes
   * @param {import("./mia.js").Line} line what she shows meanwhile
   * @param {AbortSignal} stop
   * @param {() => void} begin called when it begins
   * @returns {Promise<boolean>} false when she is muted here, or may not make a sound
   */
  async audition(bytes, line, stop, begin) {
    const { mia, speaker } = this.#parts;
    await speaker.wake();
    if (speaker.isMuted || !speaker.isAwake) {
      mia.show(line);
      mia.rest();
      return false;
    }
    const signal = this.#insteadOfOthers([stop]);
    const buffer = await speaker.decode(bytes);
    await this.#now(buffer, () => line, signal, begin).catch((error) => {
      if (!signal.aborted) throw error;
    });
    return true;
  }

  /** Stop what is rehearsed; the signal stops what is to be heard instead. @param {AbortSignal[]} others */
  #insteadOfOthers(others) {
    this.#rehearsal?.abort();
    const rehearsal = (this.#rehearsal = new AbortController());
    return AbortSignal.any([rehearsal.signal, this.#parts.session.signal, ...others]);
  }

  /**
   * @param {AudioBuffer} buffer
   * @param {() => import("./mia.js").Line} lineOf
   * @param {AbortSignal} signal
   * @param {() => void} begin
   */
  #now(buffer, lineOf, signal, begin) {
    return this.#inTurn(async () => {
      await this.#parts.session.maySpeak(signal);
      return this.#sound(lineOf, buffer, 0, signal, begin);
    });
  }

  /**
   * @param {Announcement} announcement
   * @param {AbortSignal} signal
   * @param {() => void} begin
   * @returns {Promise<[Outcome, string?]>}
   */
  async #try(announcement, signal, begin) {
    const { clock } = this.#parts;
    const [playAt, expiresAt] = [Date.parse(announcement.play_at), lastMoment(announcement)];
    if (clock.now() > expiresAt) return ["missed"];
    let buffer;
    try {
      buffer = await this.#bufferBefore(announcement, expiresAt - clock.now(), signal);
    } catch {
      signal.throwIfAborted();
      return ["failed", "audio_error"];
    }
    if (!buffer) return ["failed", "no_sound"];
    this.#rehearsal?.abort();
    return this.#inTurn(async () => {
      await this.#parts.session.maySpeak(signal);
      if (clock.now() > expiresAt) return ["missed"];
      const reason = await this.#silence(playAt - clock.now(), signal);
      if (reason) return this.#showOnly(announcement, playAt - clock.now(), reason, signal, begin);
      const whole = await this.#sound(() => this.#parts.lineOf(announcement), buffer, playAt - clock.now(), signal, begin);
      if (!whole) return ["failed", "audio_error"];
      return this.#parts.speaker.isMuted ? ["held", "muted"] : ["played"];
    });
  }

  /**
   * Why she can't be heard, if so; an ungranted gesture is waited for until the instant.
   * @param {number} wait
   * @param {AbortSignal} signal
   */
  async #silence(wait, signal) {
    const { speaker } = this.#parts;
    if (speaker.isMuted) return "muted";
    if (speaker.isAwake) return null;
    const woken = new Promise((resolve) => speaker.addEventListener("change", resolve, { once: true, signal }));
    await Promise.race([delay(wait, signal), woken]);
    return speaker.isAwake ? null : "no_gesture";
  }

  /**
   * @param {Announcement} announcement
   * @param {number} wait
   * @param {string} reason
   * @param {AbortSignal} signal
   * @param {() => void} begin
   * @returns {Promise<[Outcome, string]>}
   */
  async #showOnly(announcement, wait, reason, signal, begin) {
    const { mia, lineOf } = this.#parts;
    await delay(wait, signal);
    begin();
    mia.show(lineOf(announcement));
    await delay(Math.max(4, announcement.audio?.seconds ?? 0) * 1000);
    mia.rest();
    return [reason === "muted" ? "held" : "failed", reason];
  }

  /**
   * @param {() => import("./mia.js").Line} lineOf
   * @param {AudioBuffer} buffer
   * @param {number} wait
   * @param {AbortSignal} signal
   * @param {() => void} begin
   * @returns {Promise<boolean>}
   */
  async #sound(lineOf, buffer, wait, signal, begin) {
    const { speaker, mia } = this.#parts;
    const playing = speaker.play(buffer, wait);
    signal.addEventListener("abort", playing.stop, { once: true });
    try {
      await delay(wait, signal);
      begin();
      mia.speak(lineOf());
      return await playing.ended;
    } finally {
      signal.removeEventListener("abort", playing.stop);
      mia.rest();
    }
  }

  /**
   * Null when there is no sound before the time is over.
   * @param {Announcement} announcement
   * @param {number} left
   * @param {AbortSignal} signal
   */
  async #bufferBefore(announcement, left, signal) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), left);
    const either = AbortSignal.any([signal, late.signal]);
    try {
      if (announcement.audio) return await this.#buffer(announcement.audio, either);
      await delay(left, signal); // a document with the sound cancels this and arms anew
      return null;
    } catch (reason) {
      if (late.signal.aborted) return null;
      throw reason;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {import("./schedule.js").Audio} audio @param {AbortSignal} signal */
  async #buffer(audio, signal) {
    const { sounds, speaker } = this.#parts;
    return speaker.decode(await sounds.fetch(audio, signal));
  }

  /** @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  #inTurn(act) {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

/** When it is too late to say it. @param {Announcement} announcement */
function lastMoment({ kind, play_at, expires_at }) {
  const end = Date.parse(expires_at);
  return LASTING.has(kind) ? end : Math.min(end, Date.parse(play_at) + TOO_LATE);
}
