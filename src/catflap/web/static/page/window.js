// Sign in with Google's popup, without leaving the page.

import { Popup } from "../embed/popup.js";

const button = /** @type {HTMLButtonElement} */ (document.querySelector("#in-window"));
const { scopes, gsi, auth = "", mia = "", next = "/" } = button.dataset;

/** Reload with a sentence for the error, or go to `consentUrl` when Google gave no refresh token. */
function showError(/** @type {{code?: string, consentUrl?: string}} */ { code = "unknown", consentUrl }) {
  const query = new URLSearchParams(new URL(next, location.origin).search);
  query.set("error", code);
  location.assign(consentUrl ?? `${mia}/signin/window?${query}`);
}

try {
  // Before the click, because browsers block windows that open after a wait.
  const popup = await Popup.prepare({ scopes, gsi, home: auth });
  button.addEventListener("click", () => {
    button.disabled = true;
    popup.open().then(() => location.assign(next), showError);
  });
  button.disabled = false;
} catch {
  location.assign(`${auth}/signin/google?scopes=${scopes}&next=${encodeURIComponent(next)}`);
}
