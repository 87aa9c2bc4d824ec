// Of all the tabs of one person, one speaks; the others look on and take over when it closes.

const LEASE = 5000;

/**
 * @typedef {object} Roles
 * @property {(signal: AbortSignal) => void} lead begin to speak; the signal tells to stop
 * @property {() => void} follow look on
 * @property {(message: any) => void} hear what the leading tab tells
 */

export class Tabs {
  #name;
  #roles;
  #channel;
  /** @type {unknown} */
  #last;
  /** @type {AbortController | null} */
  #leading = null;

  /** @param {string} name of the lock @param {Roles} roles */
  constructor(name, roles) {
    this.#name = name;
    this.#roles = roles;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => {
      if (data.told) roles.hear(data.told);
      else if (this.#leading && this.#last) this.#channel.postMessage({ told: this.#last });
    };
  }

  /** Compete for the voice. */
  start() {
    if (navigator.locks) this.#request({ ifAvailable: true });
    else this.#lease(false); // plain http on a name that isn't localhost
  }

  /** Take the voice away from the tab that has it. */
  takeOver() {
    if (navigator.locks) this.#request({ steal: true });
    else this.#lease(true);
  }

  /** Give up the voice, for good. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#leading?.abort();
    this.#leading = null;
    this.#channel.close();
  }

  /** Tell the other tabs. @param {unknown} message */
  tell(message) {
    if (this.#stopped) return;
    this.#last = message;
    this.#channel.postMessage({ told: message });
  }

  /** @param {LockOptions} options */
  async #request(options) {
    try {
      await navigator.locks.request(this.#name, options, (lock) => {
        if (!lock) return this.#follow();
        this.#lead();
        return new Promise(() => {}); // held until the tab closes or another one steals it
      });
    } catch {
      if (this.#leading) this.#follow(); // stolen
      else return; // a waiting request gave way to takeOver's
    }
    this.#request({});
  }

  /** The same by a lease in localStorage, renewed twice a second or so. @param {boolean} force */
  #lease(force) {
    const mine = (this.#tab ??= String(Math.random()));
    const [holder, until] = (localStorage.getItem(this.#name) ?? " 0").split(" ");
    const free = force || holder === mine || Number(until) < Date.now();
    if (free) localStorage.setItem(this.#name, `${mine} ${Date.now() + LEASE}`);
    if (free && !this.#leading) this.#lead();
    if (!free && (this.#leading || !this.#lookingOn)) this.#follow();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lease(false), LEASE / 3);
  }

  /** @type {string | undefined} */
  #tab;
  #timer = 0;
  #stopped = false;
  #lookingOn = false;

  #lead() {
    if (this.#stopped) return;
    this.#lookingOn = false;
    this.#leading?.abort();
    this.#leading = new AbortController();
    this.#roles.lead(this.#leading.signal);
  }

  #follow() {
    if (this.#stopped) return;
    this.#lookingOn = true;
    this.#leading?.abort();
    this.#leading = null;
    this.#roles.follow();
    this.#channel.postMessage({ asks: true });
  }
}
