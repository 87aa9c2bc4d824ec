// Sign in with Google's popup, without leaving the page.

import { Popup } from "../embed/popup.js";
import { byId } from "../lib/dom.js";

const button = byId("in-window", HTMLButtonElement);
const { scopes, gsi, auth = "", mia = "", next = "/" } = button.dataset;

/** Reload with sentences for the error, or go to `consentUrl` when Google gave no refresh token. */
function showError(/** @type {{code?: string, consentUrl?: string}} */ { code = "unknown", consentUrl }) {
  // What can't be reached can't be asked for its sentences either.
  byId("no-network", HTMLElement).hidden = code !== "offline";
  button.disabled = code !== "offline";
  if (code === "offline") return;
  const query = new URLSearchParams(new URL(next, location.origin).search);
  query.set("error", code);
  location.assign(consentUrl ?? `${mia}/signin/window?${query}`);
}

async function start() {
  try {
    // Before the click, because browsers block windows that open after a wait.
    const popup = await Popup.prepare({ scopes, gsi, home: auth });
    button.addEventListener("click", () => {
      button.disabled = true;
      popup.open().then(() => location.assign(next), showError);
    });
    button.disabled = false;
  } catch (error) {
    const { code } = /** @type {{code?: string}} */ (error);
    const isShown = new URLSearchParams(location.search).get("error") === code;
    if (code === "cookies_blocked" && isShown) return;
    if (code === "cookies_blocked") showError({ code });
    // Google's script did not load; a redirect needs none.
    else location.assign(`${auth}/signin/google?scopes=${scopes}&next=${encodeURIComponent(next)}`);
  }
}

start();
