// Leader election among the tabs of one user: one speaks, and another takes over when it closes.

const LEASE = 5000;

/**
 * @typedef {object} Roles
 * @property {(signal: AbortSignal) => void} lead begin to speak; aborted when another tab takes over
 * @property {() => void} follow stop speaking and wait
 * @property {(message: any) => void} receive handle a message of the leading tab
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
      if (data.message) roles.receive(data.message);
      else if (this.#leading && this.#last) this.#channel.postMessage({ message: this.#last });
    };
  }

  /** Ask to lead. */
  start() {
    if (navigator.locks) this.#request({ ifAvailable: true });
    else this.#lease(false); // plain http on a name that isn't localhost
  }

  /** Become the leader in place of the tab that is it now. */
  takeOver() {
    if (navigator.locks) this.#request({ steal: true });
    else this.#lease(true);
  }

  /** Stop leading and following for good. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#leading?.abort();
    this.#leading = null;
    this.#channel.close();
  }

  /** Send to the other tabs. @param {unknown} message */
  send(message) {
    if (this.#stopped) return;
    this.#last = message;
    this.#channel.postMessage({ message });
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
    if (!free && (this.#leading || !this.#isFollowing)) this.#follow();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lease(false), LEASE / 3);
  }

  /** @type {string | undefined} */
  #tab;
  #timer = 0;
  #stopped = false;
  #isFollowing = false;

  #lead() {
    if (this.#stopped) return;
    this.#isFollowing = false;
    this.#leading?.abort();
    this.#leading = new AbortController();
    this.#roles.lead(this.#leading.signal);
  }

  #follow() {
    if (this.#stopped) return;
    this.#isFollowing = true;
    this.#leading?.abort();
    this.#leading = null;
    this.#roles.follow();
    this.#channel.postMessage({ asks: true });
  }
}
