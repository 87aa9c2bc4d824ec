// The screens of the one document: shows the one that the address names, and imports a screen's module when it is
// first shown. Mia goes on speaking meanwhile, which another document would interrupt.

/**
 * @typedef {object} Screen what a screen's module returns; all are optional
 * @property {() => void} [shown] each time it is shown
 * @property {() => void} [changed] after changes of the schedule or the day, while it is shown
 * @property {() => void} [forget] when the session has ended: empty what is shown
 *
 * @typedef {object} Parts what screens share
 * @property {import("../lib/api.js").Api} api
 * @property {import("../lib/format.js").Format} format
 * @property {import("../lib/clock.js").ServerClock} clock
 * @property {import("./session.js").Session} session
 * @property {import("./device.js").Device} device this browser as a device
 * @property {import("./preferences.js").Preferences} preferences
 * @property {import("./day.js").Day | null} day null where Mia may not read the calendar
 * @property {boolean} speaks whether Mia may read the calendar
 * @property {import("./performance.js").Performance | null} performance what lets voices be heard; null where Mia does not speak
 *
 * @typedef {(section: HTMLElement, parts: Parts) => Promise<Screen> | Screen} Open
 */

import { create } from "../lib/dom.js";

const FIRST = "today";
/** Whose style a screen has besides its own: for the cards of the voices. @type {Record<string, string[]>} */
const ALSO = { hello: ["voice"] };

/** A screen's module could not be fetched. */
class NotFetched extends Error {}

export class Screens {
  #modules;
  #parts;
  /** @type {Map<string, Promise<Screen>>} */
  #open = new Map();
  #current = FIRST;
  #title = document.title;
  /** Says that a screen could not be fetched. */
  #notFetched = create("div", "notice not-fetched");

  /**
   * @param {Record<string, () => Promise<{open: Open}>>} modules by the name of the screen
   * @param {Parts} parts
   */
  constructor(modules, parts) {
    this.#modules = modules;
    this.#parts = parts;
    this.#prepareNotFetched();
    document.addEventListener("click", (event) => this.#follow(event));
    window.addEventListener("popstate", () => this.#show(this.#named(location.pathname), false));
    this.#show(this.#named(location.pathname), false);
    window.addEventListener("online", () => this.#notFetched.isConnected && this.#show(this.#current, false));
    parts.session.signal.addEventListener("abort", () => this.#each(({ forget }) => forget?.()));
  }

  /** The name of the screen that is shown. */
  get current() {
    return this.#current;
  }

  /** Go to a screen, as a link to it would. @param {string} name */
  go(name) {
    const link = document.querySelector(`a[data-screen="${CSS.escape(name)}"]`);
    if (!(link instanceof HTMLAnchorElement)) return;
    if (link.pathname !== location.pathname) history.pushState(null, "", link.href);
    this.#show(name, true);
  }

  /** Tell the screen that is shown of a change of the schedule or the day. */
  changed() {
    this.#open.get(this.#current)?.then(({ changed }) => changed?.(), () => {});
  }

  /** @param {MouseEvent} event */
  #follow(event) {
    const link = event.target instanceof Element ? event.target.closest("a[data-screen]") : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!(link instanceof HTMLAnchorElement) || !isPlain || event.defaultPrevented || !this.#section(link.dataset.screen)) return;
    event.preventDefault();
    if (link.href !== location.href) history.pushState(null, "", link.href);
    this.#show(link.dataset.screen ?? FIRST, true, link.hash);
  }

  /**
   * @param {string} name
   * @param {boolean} isAsked whether the user asked for it, who then is led to it
   * @param {string} hash of a heading in it to which they are led; empty for the first
   */
  async #show(name, isAsked, hash = "") {
    const section = this.#section(name);
    if (!section) return;
    this.#current = name;
    await Promise.all([name, ...(ALSO[name] ?? [])].map(styled));
    if (this.#current !== name) return;
    for (const one of document.querySelectorAll(".screen")) one.toggleAttribute("hidden", one !== section);
    for (const link of document.querySelectorAll("a[data-screen]")) {
      if (link instanceof HTMLElement && link.dataset.screen === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.body.dataset.screen = name;
    // The other language of this screen, not of the one that the document was opened at.
    const other = document.querySelector(".top a[hreflang]");
    if (other instanceof HTMLAnchorElement) other.pathname = location.pathname;
    const heading = section.querySelector("h1");
    document.title = name === FIRST ? this.#title : `${heading?.textContent} · Catflap`;
    if (isAsked) {
      window.scrollTo({ top: 0 });
      heading?.focus({ preventScroll: true });
    }
    try {
      const screen = await this.#opened(name, section);
      if (this.#current !== name) return;
      this.#notFetched.remove();
      screen.shown?.();
      const place = isAsked && hash ? document.getElementById(hash.slice(1)) : null;
      place?.focus({ preventScroll: true });
      place?.scrollIntoView();
    } catch (error) {
      if (!(error instanceof NotFetched)) throw error;
      if (this.#current === name) heading?.after(this.#notFetched);
    }
  }

  #prepareNotFetched() {
    const { format } = this.#parts;
    const again = create("button", "link", format.word("broken_again"));
    again.setAttribute("type", "button");
    again.addEventListener("click", () => this.#again());
    this.#notFetched.setAttribute("role", "alert");
    this.#notFetched.append(create("p", "", format.word("not_fetched")), again);
  }

  async #again() {
    await this.#show(this.#current, true);
    // Some browsers ask only once for a module as long as a document lives (whatwg/html issue 6768).
    if (this.#notFetched.isConnected && (await this.#parts.session.check()) === "alive") location.reload();
  }

  /** @param {string} name @param {HTMLElement} section */
  #opened(name, section) {
    let opened = this.#open.get(name);
    if (!opened) {
      const module = this.#modules[name];
      opened = module ? fetched(module).then(({ open }) => open(section, this.#parts)) : Promise.resolve({});
      // Without a network the module is asked for again the next time.
      opened.catch(() => this.#open.delete(name));
      this.#open.set(name, opened);
    }
    return opened;
  }

  /** @param {(screen: Screen) => void} act */
  #each(act) {
    for (const opened of this.#open.values()) opened.then(act, () => {});
  }

  /** @param {string} path */
  #named(path) {
    const last = path.split("/").pop() ?? "";
    return this.#section(last) ? last : FIRST;
  }

  /** @param {string | undefined} name */
  #section(name) {
    return name ? /** @type {HTMLElement | null} */ (document.getElementById(`screen-${name}`)) : null;
  }
}

/** @template T @param {() => Promise<T>} module @returns {Promise<T>} @throws {NotFetched} */
function fetched(module) {
  return module().catch((cause) => {
    throw new NotFetched("a screen could not be fetched", { cause });
  });
}

/** Load the style of a screen; the document names that of the screen it was opened at. @param {string} name @returns {Promise<unknown>} */
async function styled(name) {
  const { href } = new URL(`screens/${name}.css`, import.meta.url);
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return;
  const link = document.createElement("link");
  [link.rel, link.href] = ["stylesheet", href];
  const loaded = new Promise((resolve) => (link.onload = link.onerror = resolve));
  document.head.append(link);
  return loaded;
}
