// What a link to the page carries in its fragment: the code of a device that waits, or of an invitation. Browsers
// send fragments to no server, so no log has the code. It is taken off the address bar, where the history would keep
// it, and stays in this tab for ten minutes, over a sign-in.

/** @typedef {{code: string, invitation: string}} Link either is empty */

const KEY = "catflap.link";
const KEPT = 600_000;
const LONGEST = 64;
/** Where storage is forbidden. */
let fallback = "";

/** Take a code off the address bar, and keep it. @returns {boolean} whether one is kept now */
export function keepLink() {
  const found = new URLSearchParams(location.hash.slice(1));
  const [code, invitation] = ["code", "invitation"].map((name) => (found.get(name) ?? "").slice(0, LONGEST));
  if (code || invitation) {
    history.replaceState(history.state, "", location.pathname + location.search);
    write(JSON.stringify({ code, invitation, until: Date.now() + KEPT }));
  }
  return kept() !== null;
}

/** Return what is kept, once. @returns {Link | null} */
export function takeLink() {
  keepLink();
  const link = kept();
  write("");
  return link;
}

/** @returns {Link | null} */
function kept() {
  try {
    const { code, invitation, until } = JSON.parse(read());
    return Date.now() < until ? { code: String(code), invitation: String(invitation) } : null;
  } catch {
    return null;
  }
}

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return fallback;
  }
}

/** @param {string} text empty forgets it */
function write(text) {
  fallback = text;
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // The fallback has it.
  }
}
