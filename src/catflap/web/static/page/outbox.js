// Acknowledgements of announcements, kept until the server has them.

import { recall, remember } from "../lib/memory.js";

const DAY = 86_400_000;

/**
 * @typedef {"played" | "failed" | "missed" | "held"} Outcome
 * @typedef {{announcement: string, state: Outcome, at: string, detail?: string}} Ack
 */

export class Outbox {
  #device;
  #key;
  #onDelivered;
  /** @type {Promise<void> | null} */
  #sending = null;

  /** @param {import("./device.js").Device} device @param {number} user @param {() => void} onDelivered */
  constructor(device, user, onDelivered) {
    this.#device = device;
    this.#onDelivered = onDelivered;
    this.#key = `catflap.acks.${user}`;
    window.addEventListener("online", () => this.flush());
  }

  /** Whether this announcement is over and done with, in this visit or an earlier one. @param {string} id */
  has(id) {
    return id in this.#all();
  }

  /** @param {Ack} ack */
  add(ack) {
    const all = Object.entries(this.#all()).filter(([, old]) => Date.parse(ack.at) - Date.parse(old.ack.at) < 2 * DAY);
    remember(this.#key, { ...Object.fromEntries(all), [ack.announcement]: { ack, sent: false } });
    this.flush();
  }

  /** Send what wasn't delivered yet. Acknowledging twice does no harm. @returns {Promise<void>} */
  flush() {
    this.#sending ??= this.#send().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #send() {
    try {
      for (let entry = this.#unsent(); entry; entry = this.#unsent()) {
        const { status } = await this.#device.post("/v1/device/acks", entry.ack);
        if (status >= 500 || status === 429 || status === 401) return;
        // A refusal is final too: the announcement is gone, or was another device's.
        remember(this.#key, { ...this.#all(), [entry.ack.announcement]: { ...entry, sent: true } });
        this.#onDelivered();
      }
    } catch {
      // No network: the next heartbeat tries again.
    }
  }

  /** @returns {Record<string, {ack: Ack, sent: boolean}>} */
  #all() {
    return recall(this.#key, {});
  }

  #unsent() {
    return Object.values(this.#all()).find(({ sent }) => !sent);
  }
}
