// The server's time: this computer's clock, corrected by the `now` of the schedule documents.

export class ServerClock {
  #offset = 0;
  #fresh = true;

  /** @returns {number} milliseconds since 1970 */
  now() {
    return Date.now() + this.#offset;
  }

  /** How far this computer's clock is behind the server's, in milliseconds; other tabs adopt it. */
  get offset() {
    return this.#offset;
  }

  set offset(offset) {
    this.#offset = offset;
    this.#fresh = false;
  }

  /** Replace the correction at the next `learn`: this computer may have slept, or its clock been set. */
  reset() {
    this.#fresh = true;
  }

  /**
   * Learn from a document's `now`. Each is late by its transfer time, so the largest correction is the most exact.
   * @param {string} now
   */
  learn(now) {
    const offset = Date.parse(now) - Date.now();
    if (Number.isNaN(offset)) return;
    this.#offset = this.#fresh ? offset : Math.max(this.#offset, offset);
    this.#fresh = false;
  }
}

/**
 * Wait; an aborted signal throws its reason.
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function delay(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, Math.max(0, milliseconds));
    signal?.addEventListener("abort", stop, { once: true });
  });
}
