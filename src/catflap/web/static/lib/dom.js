// Finding and making elements.

/**
 * The element with this id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind its class, for example HTMLInputElement
 * @returns {T}
 * @throws {Error} when the page has no such element
 */
export function byId(id, kind) {
  /** @type {Element | null} */
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} has the id ${id}`);
  return found;
}

/** @param {string} name @param {string} className @param {string} [text] */
export function create(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Show rows in a list that was being loaded, or that there are none. @param {HTMLElement} list @param {HTMLElement[]} rows @param {string} empty */
export function fill(list, rows, empty) {
  list.replaceChildren(...(rows.length > 0 ? rows : [create("li", "empty", empty)]));
  list.setAttribute("aria-busy", "false");
}
