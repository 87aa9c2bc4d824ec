// Sign in without leaving the page: Google's popup, and home with the code it gives.

import { Popup } from "/static/popup.js";

const button = /** @type {HTMLButtonElement} */ (document.querySelector("#in-window"));
const { scopes, gsi, next = "/" } = button.dataset;

/** Begin anew with a sentence for the reason; Google must ask once more when it gave no lasting access. */
function tell(/** @type {any} */ { code = "unknown", consentUrl }) {
  const query = new URLSearchParams(new URL(next, location.origin).search);
  query.set("error", code);
  location.assign(consentUrl ?? `/signin/window?${query}`);
}

try {
  // Before the click, because browsers block windows that open after a wait.
  const popup = await Popup.prepare({ scopes, gsi });
  button.addEventListener("click", () => {
    button.disabled = true;
    popup.open().then(() => location.assign(next), tell);
  });
  button.disabled = false;
} catch {
  location.assign(`/signin/google?scopes=${scopes}&next=${encodeURIComponent(next)}`);
}
