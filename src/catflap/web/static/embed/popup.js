// Sign in, or allow more, in Google's popup: one consent, one code, exchanged by the server.
//
//   import { Popup } from "/static/popup.js";
//   const popup = await Popup.prepare({ scopes: "calendar" });   // before the click, or browsers block it
//   button.onclick = async () => show(await popup.open());

const GSI = "https://accounts.google.com/gsi/client";

/**
 * A sign-in that failed; `code` is stable: one of Catflap's error codes, popup_closed, popup_failed_to_open (the browser
 * kept the window shut), cookies_blocked (it keeps no cookies of Catflap) or offline (Catflap can't be reached).
 */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} [detail]
   * @param {string} [consentUrl] where to go when Google must ask once more
   */
  constructor(code, detail, consentUrl) {
    super(detail ?? code);
    this.code = code;
    this.consentUrl = consentUrl;
  }
}

/** A ticket (state and parameters of one request) is renewed when it expires sooner than this. */
const TIME_AT_GOOGLE = 5 * 60_000;

/**
 * @typedef {{scopes?: string, purpose?: "signin" | "add_scopes" | "link", account?: string, selectAccount?: boolean,
 *   home?: string, gsi?: string}} Wish
 * @typedef {{client_id: string, scope: string, state: string, login_hint?: string, select_account?: boolean,
 *   expires_in: number, cookie_returned: boolean}} Ticket the answer of GET /signin/google/popup
 */

export class Popup {
  #url;
  #home;
  /** @type {Ticket | null} */
  #ticket = null;
  #ends = 0;
  /** @type {Promise<void> | null} */
  #renewing = null;

  /** Use `prepare`. @param {string} url @param {string} home */
  constructor(url, home) {
    this.#url = url;
    this.#home = home;
  }

  /**
   * @param {Wish} [wish]
   * `purpose`: in a session it is add_scopes, else signin. `selectAccount`: let people choose among their Google
   * accounts. `home`: where Catflap is. `gsi`: Google's script.
   */
  static async prepare({ scopes = "", purpose, account, selectAccount, home = new URL("..", import.meta.url).href.slice(0, -1), gsi = GSI } = {}) {
    // Asked before anybody goes to Google for nothing.
    if (!keepsCookies()) throw new Refused("cookies_blocked", "This browser keeps no cookies of this page.");
    const query = new URLSearchParams({
      scopes,
      ...(purpose && { purpose }),
      ...(account && { account }),
      ...(selectAccount && { prompt: "select_account" }),
    });
    const popup = new Popup(`${home}/signin/google/popup?${query}`, home);
    await Promise.all([popup.#renew(), load(gsi)]);
    return popup;
  }

  /**
   * Open the popup; call it from a click, as often as you like.
   * @returns {Promise<any>} who signed in, granted and missing scopes
   */
  async open() {
    // Only a page that was open for long waits here; browsers allow a popup for some seconds after a click.
    if (Date.now() > this.#ends - TIME_AT_GOOGLE) await this.#renew();
    const ticket = /** @type {Ticket} */ (this.#ticket); // `prepare` has fetched one
    try {
      const code = await askGoogle(ticket);
      return await call(`${this.#home}/signin/google/code`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Requested-With": "XMLHttpRequest" },
        body: JSON.stringify({ code, client: "popup", state: ticket.state }),
      });
    } catch (error) {
      throw await this.#explain(error);
    } finally {
      // A state can be used once.
      this.#ends = 0;
      this.#renew().catch(() => {});
    }
  }

  /**
   * An unknown state has another cause where Catflap's cookie never comes back: blocked third-party cookies, when this
   * page is of another site.
   * @param {unknown} error
   */
  async #explain(error) {
    if (!(error instanceof Refused) || error.code !== "state_invalid") return error;
    await this.#renew().catch(() => {});
    return this.#ticket?.cookie_returned === false ? new Refused("cookies_blocked", "This browser keeps no cookies of Catflap here.") : error;
  }

  async #renew() {
    this.#renewing ??= (async () => {
      try {
        /** @type {Ticket} */
        const ticket = await call(this.#url);
        this.#ticket = ticket;
        this.#ends = Date.now() + ticket.expires_in * 1000;
      } finally {
        this.#renewing = null;
      }
    })();
    await this.#renewing;
  }
}

/** @param {Ticket} ticket @returns {Promise<string>} the code */
function askGoogle({ client_id, scope, state, login_hint, select_account }) {
  return new Promise((resolve, reject) => {
    const { google } = /** @type {any} */ (window);
    google.accounts.oauth2
      .initCodeClient({
        client_id,
        scope,
        state,
        ux_mode: "popup",
        ...(login_hint && { login_hint }),
        ...(select_account && { select_account }),
        callback: (/** @type {{error?: string, state?: string, code: string}} */ answer) => {
          if (answer.error) reject(new Refused(answer.error));
          else if (answer.state !== state) reject(new Refused("state_invalid"));
          else resolve(answer.code);
        },
        error_callback: (/** @type {{type: string}} */ { type }) => reject(new Refused(type)),
      })
      .requestCode();
  });
}

/** @param {string} url @param {RequestInit} [init] */
async function call(url, init = {}) {
  const response = await fetch(url, { credentials: "include", cache: "no-store", ...init }).catch((error) => {
    throw new Refused("offline", String(error));
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(String(body.code ?? "unknown"), body.detail, body.consent_url);
  return body;
}

/** @param {string} address @returns {Promise<void>} */
function load(address) {
  const { google } = /** @type {any} */ (window);
  if (google?.accounts?.oauth2) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    tag.src = address;
    tag.onload = () => resolve();
    tag.onerror = () => reject(new Refused("google_unavailable", "Google's script didn't load."));
    document.head.append(tag);
  });
}

/** Whether this browser keeps cookies for this page; `navigator.cookieEnabled` is true also where it doesn't. */
export function keepsCookies() {
  const name = "catflap_kept";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  try {
    document.cookie = `${name}=1; SameSite=Lax; Path=/${secure}`;
    const isKept = document.cookie.includes(`${name}=1`);
    document.cookie = `${name}=; SameSite=Lax; Path=/; Max-Age=0${secure}`;
    return isKept;
  } catch {
    // A sandboxed frame may not even ask.
    return false;
  }
}
