// Sign in, or allow more, in Google's popup: one consent, one code, sent home and redeemed there.
//
//   import { Popup } from "/static/popup.js";
//   const popup = await Popup.prepare({ scopes: "calendar" });   // before the click, or browsers block it
//   button.onclick = async () => show(await popup.open());

const GSI = "https://accounts.google.com/gsi/client";

/** Why it did not work; `code` is stable: access_denied, popup_closed, popup_failed_to_open, … */
export class Refused extends Error {
  /** @param {string} code @param {string} [detail] @param {string} [consentUrl] where to go when Google must ask once more */
  constructor(code, detail, consentUrl) {
    super(detail ?? code);
    this.code = code;
    this.consentUrl = consentUrl;
  }
}

export class Popup {
  #ticket;
  #home;

  /** @param {any} ticket @param {string} home */
  constructor(ticket, home) {
    this.#ticket = ticket;
    this.#home = home;
  }

  /**
   * @param {{scopes?: string, purpose?: "signin" | "add_scopes" | "link", account?: string, home?: string, gsi?: string}} [wish]
   * `purpose`: in a session it is add_scopes, else signin. `home`: where Catflap is. `gsi`: Google's script.
   */
  static async prepare({ scopes = "", purpose, account, home = new URL(import.meta.url).origin, gsi = GSI } = {}) {
    const query = new URLSearchParams({ scopes, ...(purpose && { purpose }), ...(account && { account }) });
    const [ticket] = await Promise.all([call(`${home}/signin/google/popup?${query}`), load(gsi)]);
    return new Popup(ticket, home);
  }

  /** Open the popup; call it from a click. @returns {Promise<any>} who signed in, granted and missing scopes */
  async open() {
    const { client_id, scope, state, login_hint } = this.#ticket;
    const code = await new Promise((resolve, reject) => {
      const { google } = /** @type {any} */ (window);
      google.accounts.oauth2
        .initCodeClient({
          client_id,
          scope,
          state,
          ux_mode: "popup",
          ...(login_hint && { login_hint }),
          callback: (/** @type {any} */ answer) => {
            if (answer.error) reject(new Refused(answer.error));
            else if (answer.state !== state) reject(new Refused("state_invalid"));
            else resolve(answer.code);
          },
          error_callback: (/** @type {any} */ { type }) => reject(new Refused(type)),
        })
        .requestCode();
    });
    return await call(`${this.#home}/signin/google/code`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Requested-With": "XMLHttpRequest" },
      body: JSON.stringify({ code, client: "popup", state }),
    });
  }
}

/** @param {string} url @param {RequestInit} [init] */
async function call(url, init = {}) {
  const response = await fetch(url, { credentials: "include", cache: "no-store", ...init });
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
