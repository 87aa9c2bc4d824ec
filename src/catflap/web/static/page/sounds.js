// Prefetched sounds of the coming day, so that Mia speaks on time without a network.

import { delay } from "../lib/clock.js";

/** The most sounds that are prefetched; a day seldom has more. */
const AHEAD = 48;

export class Sounds {
  /** @type {Map<string, Promise<ArrayBuffer>>} by SHA-256, since addresses are signed anew */
  #kept = new Map();
  #round = 0;

  /**
   * Fetch these ahead, one by one in the order given, and let go of all others.
   * @param {import("./schedule.js").Announcement[]} announcements
   */
  async keep(announcements) {
    const round = ++this.#round;
    const wanted = announcements.flatMap(({ audio }) => audio ?? []).slice(0, AHEAD);
    const hashes = new Set(wanted.map(({ sha256 }) => sha256));
    for (const sha256 of this.#kept.keys()) if (!hashes.has(sha256)) this.#kept.delete(sha256);
    for (const audio of wanted) {
      if (round !== this.#round) return;
      await this.#get(audio).catch(() => {});
    }
  }

  /**
   * One sound; tries again until the signal says stop.
   * @param {import("./schedule.js").Audio} audio
   * @param {AbortSignal} signal
   * @returns {Promise<ArrayBuffer>}
   */
  async fetch(audio, signal) {
    for (;;) {
      try {
        return await this.#get(audio);
      } catch {
        await delay(2000, signal);
      }
    }
  }

  /** Drop all sounds. */
  forget() {
    this.#round += 1;
    this.#kept.clear();
  }

  /** @param {import("./schedule.js").Audio} audio */
  #get(audio) {
    let bytes = this.#kept.get(audio.sha256);
    if (!bytes) {
      bytes = load(audio);
      this.#kept.set(audio.sha256, bytes);
      bytes.catch(() => this.#kept.delete(audio.sha256));
    }
    return bytes;
  }
}

/**
 * Fetch from this page's own origin, whatever host the signed URL names, and check that it is whole and the right one.
 * @param {import("./schedule.js").Audio} audio
 */
async function load({ url, bytes, sha256 }) {
  const { pathname, search } = new URL(url, location.href);
  // Not in the browser's cache, where it would outlive the session.
  const response = await fetch(pathname + search, { credentials: "omit", cache: "no-store" });
  if (!response.ok) throw new Error(`sound: ${response.status}`);
  const content = await response.arrayBuffer();
  if (content.byteLength !== bytes || !(await hasHash(content, sha256))) throw new Error("sound: not what the schedule says");
  return content;
}

/** @param {ArrayBuffer} content @param {string} sha256 in hex; only checked where the browser can, in secure contexts */
async function hasHash(content, sha256) {
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return sha256 === Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
