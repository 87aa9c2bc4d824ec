// Timers for the announcements of the schedule document; what disappears from it is cancelled.

/**
 * @typedef {{url: string, type: string, sha256: string, bytes: number, seconds: number}} Audio
 * @typedef {{id: string, play_at: string, expires_at: string, kind: string, text: string, audio: Audio | null}} Announcement
 * @typedef {{version: number, now: string, volume: number, muted_until: string | null, announcements: Announcement[]}} ScheduleDocument
 * @typedef {{announcement: Announcement, timer: number, cancel: AbortController | null, begun: boolean}} Entry
 */

/** Sound is handed to the audio clock this early: timers of hidden tabs are up to a second late. */
export const LEAD = 2000;

export class Schedule {
  #clock;
  #isDone;
  #perform;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #keepsTime = false;
  /** Whether a document has been received. */
  isKnown = false;

  /**
   * @param {import("../lib/clock.js").ServerClock} clock
   * @param {(id: string) => boolean} isDone
   * @param {(announcement: Announcement, signal: AbortSignal, begin: () => void) => Promise<void>} perform
   *   from LEAD before `play_at` on; the signal cancels it until it calls `begin`
   */
  constructor(clock, isDone, perform) {
    this.#clock = clock;
    this.#isDone = isDone;
    this.#perform = perform;
  }

  /** @param {ScheduleDocument} document the whole truth: what isn't in it won't be said */
  update(document) {
    const present = new Map(document.announcements.map((announcement) => [announcement.id, announcement]));
    for (const [id, entry] of this.#entries) {
      const wanted = present.get(id);
      if (entry.begun || (wanted && isSame(wanted, entry.announcement))) continue;
      this.#drop(id, entry);
    }
    for (const [id, announcement] of present) {
      const entry = this.#entries.get(id);
      if (entry) entry.announcement = announcement;
      else this.#entries.set(id, { announcement, timer: 0, cancel: null, begun: false });
    }
    this.isKnown = true;
    this.arm();
  }

  /** Begin or stop keeping time; a tab that doesn't still knows what comes next. @param {boolean} on */
  keepTime(on) {
    this.#keepsTime = on;
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer);
      if (!on && !entry.begun) entry.cancel?.abort();
    }
    this.arm();
  }

  /** Drop all announcements and cancel those that have not begun. */
  clear() {
    this.keepTime(false);
    this.#entries.clear();
  }

  /** Set every timer again: after a document, and regularly, because timers stop while a laptop sleeps. */
  arm() {
    if (!this.#keepsTime) return;
    for (const [id, entry] of this.#entries) {
      if (entry.cancel || this.#isDone(id)) continue;
      clearTimeout(entry.timer);
      const wait = Date.parse(entry.announcement.play_at) - LEAD - this.#clock.now();
      entry.timer = setTimeout(() => this.#run(id, entry), Math.max(0, Math.min(wait, 2 ** 31 - 1)));
    }
  }

  /** @returns {Announcement | null} the first one still to come */
  next() {
    const now = this.#clock.now();
    return this.coming().find(({ play_at }) => Date.parse(play_at) > now) ?? null;
  }

  /** @returns {Announcement[]} what isn't over, in order of time */
  coming() {
    const now = this.#clock.now();
    return [...this.#entries.values()]
      .map((entry) => entry.announcement)
      .filter(({ id, expires_at }) => !this.#isDone(id) && Date.parse(expires_at) > now)
      .sort((one, other) => Date.parse(one.play_at) - Date.parse(other.play_at));
  }

  /** @param {string} id @param {Entry} entry */
  async #run(id, entry) {
    const cancel = new AbortController();
    entry.cancel = cancel;
    try {
      await this.#perform(entry.announcement, cancel.signal, () => (entry.begun = true));
    } catch (reason) {
      if (!cancel.signal.aborted) throw reason;
    } finally {
      entry.begun = false;
      if (this.#entries.get(id) === entry) entry.cancel = null;
    }
  }

  /** @param {string} id @param {Entry} entry */
  #drop(id, entry) {
    clearTimeout(entry.timer);
    entry.cancel?.abort();
    this.#entries.delete(id);
  }
}

/** @param {Announcement} one @param {Announcement} other */
function isSame(one, other) {
  return one.play_at === other.play_at && one.text === other.text && one.audio?.sha256 === other.audio?.sha256;
}
