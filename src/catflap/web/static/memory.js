// What this browser remembers between visits. Where storage is forbidden it remembers until the page closes.

/** @type {Map<string, string>} */
const fallback = new Map();

/**
 * @template T
 * @param {string} key
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(key, otherwise) {
  try {
    const text = localStorage.getItem(key) ?? fallback.get(key);
    return text === undefined ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {unknown} value undefined forgets it */
export function remember(key, value) {
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
