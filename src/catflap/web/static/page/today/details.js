// What opens at a button of the drawing, an appointment or a mark: one at a time, closed by Escape or a click elsewhere.
// A mark opens also when it gets the focus by keyboard, and until it loses it (WCAG 2.2, 1.4.13).

const OPENERS = "button:is(.block, .mark)";

/** @param {HTMLElement} section */
export function handleDetails(section) {
  section.addEventListener("click", ({ target }) => {
    if (target instanceof Element && !target.closest(".detail, .mark-detail")) toggle(section, target.closest(OPENERS));
  });
  section.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") for (const opener of closeAll(section)) opener.focus();
  });
  section.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element && target.matches(".mark:focus-visible")) openOnly(section, target);
  });
  section.addEventListener("focusout", ({ target, relatedTarget }) => {
    const item = target instanceof Element ? target.closest(".mark-item") : null;
    const mark = item?.querySelector(".mark");
    if (mark && !(relatedTarget instanceof Node && item?.contains(relatedTarget))) expand(mark, false);
  });
}

/** Open or close what belongs to a button. @param {Element} opener @param {boolean} isOpen */
export function expand(opener, isOpen) {
  opener.setAttribute("aria-expanded", String(isOpen));
  opener.nextElementSibling?.toggleAttribute("hidden", !isOpen);
}

/** @param {HTMLElement} section @param {Element | null} opener */
function toggle(section, opener) {
  const wasOpen = opener?.getAttribute("aria-expanded") === "true";
  if (opener && !wasOpen) openOnly(section, opener);
  else closeAll(section);
}

/** @param {HTMLElement} section @param {Element} opener */
function openOnly(section, opener) {
  closeAll(section);
  expand(opener, true);
  opener.nextElementSibling?.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement} section @returns the buttons of what was open */
function closeAll(section) {
  const openers = /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll(`${OPENERS}[aria-expanded="true"]`));
  for (const opener of openers) expand(opener, false);
  return openers;
}
