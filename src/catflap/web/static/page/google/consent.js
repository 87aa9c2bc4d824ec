// Addresses of Google's consent, to which plain links lead: they work in one tap and need no window.

const CALENDAR = "calendar";

export class Consent {
  #address;
  #next;

  /** @param {HTMLElement} section with the address that begins a consent, and the one to come back to */
  constructor({ dataset: { consent = "", next = "/" } }) {
    this.#address = consent;
    this.#next = next;
  }

  /**
   * To allow more for an account, or the same again.
   * @param {string} account its sub
   * @param {string[]} scopes without any, those that it takes to read the calendar
   */
  more(account, scopes) {
    // Of an account that Google never named, only the person can say which it is.
    /** @type {Record<string, string>} */
    const which = account.startsWith("unnamed:") ? { purpose: "link" } : { purpose: "add_scopes", account };
    return this.#to({ scopes: scopes.join(",") || CALENDAR, ...which });
  }

  /** @param {Record<string, string>} parameters */
  #to(parameters) {
    return `${this.#address}?${new URLSearchParams({ ...parameters, next: this.#next })}`;
  }
}
