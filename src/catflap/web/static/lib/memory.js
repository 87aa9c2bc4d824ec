// Values kept in localStorage between visits, or in memory where storage is forbidden.

const PREFIX = "catflap.";
/** @type {Map<string, string>} */
const fallback = new Map();
let isClosed = false;

/**
 * @template T
 * @param {string} key
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(key, otherwise) {
  if (isClosed) return otherwise;
  try {
    const text = localStorage.getItem(key) ?? fallback.get(key);
    return text === undefined ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {unknown} value undefined forgets it */
export function remember(key, value) {
  if (isClosed) return;
  const text = JSON.stringify(value);
  if (text === undefined) fallback.delete(key);
  else fallback.set(key, text);
  try {
    if (text === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Private windows and full discs: the fallback has it.
  }
}

/** Delete everything; later calls in this page store nothing. */
export function forget() {
  isClosed = true;
  fallback.clear();
  drop(() => true);
}

/** Delete what other users left in this browser. @param {number} user who is signed in */
export function forgetOthers(user) {
  drop((key) => !key.endsWith(`.${user}`));
}

/** @param {(key: string) => boolean} isDropped */
function drop(isDropped) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX) && isDropped(key)) localStorage.removeItem(key);
  } catch {
    // No storage, so there is nothing in it.
  }
}
