// Voices that are heard before they are chosen: fetched once, and played one at a time by Mia.

import { Problem } from "../../lib/api.js";

/**
 * @typedef {object} Voice what POST /v1/voices/sample takes
 * @property {string} dialect
 * @property {number} pitch
 * @property {string | null} engine
 * @property {string | null} talkativeness
 *
 * @typedef {import("../mia.js").Line} Line
 * @typedef {"waiting" | "playing" | ""} State
 */

/** The most sounds that are kept: all dialects, and as many more. */
const MOST = 28;

export class Hearing {
  #api;
  #performance;
  /** @type {Map<string, ArrayBuffer>} */
  #kept = new Map();
  #stop = new AbortController();

  /** @param {import("../../lib/api.js").Api} api @param {import("../performance.js").Performance} performance */
  constructor(api, performance) {
    this.#api = api;
    this.#performance = performance;
  }

  /**
   * Play a voice instead of the one that plays.
   * @param {Voice} voice
   * @param {Line} line what Mia shows meanwhile
   * @param {(state: State) => void} show whether it is waited for, or plays; called with "" at the end
   * @returns {Promise<string>} what is to be told, a key after "hear_"; "" if all is well
   */
  async play(voice, line, show) {
    this.stop();
    const stop = (this.#stop = new AbortController());
    stop.signal.addEventListener("abort", () => show(""));
    show("waiting");
    try {
      const bytes = await this.#bytes(voice);
      if (stop.signal.aborted) return "";
      const isHeard = await this.#performance.audition(bytes, line, stop.signal, () => show("playing"));
      return isHeard || stop.signal.aborted ? "" : "muted";
    } catch (error) {
      return stop.signal.aborted ? "" : reasonOf(error, line.language);
    } finally {
      if (!stop.signal.aborted) show("");
    }
  }

  /** Stop what plays. */
  stop() {
    this.#stop.abort();
  }

  /** Drop all sounds. */
  forget() {
    this.stop();
    this.#kept.clear();
  }

  /** @param {Voice} voice */
  async #bytes(voice) {
    const key = JSON.stringify(voice);
    const known = this.#kept.get(key);
    if (known) return known;
    const bytes = await this.#api.sound("/v1/voices/sample", voice);
    this.#kept.set(key, bytes);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#kept.delete(oldest);
    return bytes;
  }
}

/** @param {unknown} error @param {string} language */
function reasonOf(error, language) {
  const code = error instanceof Problem ? error.code : "";
  if (code === "no_voice") return `none_${language}`;
  return code === "rate_limited" ? "too_often" : "failed";
}
