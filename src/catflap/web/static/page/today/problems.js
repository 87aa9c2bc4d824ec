// What can't be read, and what went away.

import { create } from "../../lib/dom.js";

/** @typedef {{kind: "account" | "failing" | "gone" | "removed", name: string, code: string}} Problem */

/**
 * @param {HTMLElement} list
 * @param {Problem[]} problems
 * @param {import("../../lib/format.js").Format} format
 */
export function showProblems(list, problems, format) {
  const shown = problems.map(({ kind, name, code }) => {
    const why = format.oneOf(`why_${code}`, "why_other");
    return format.word(`problem_${kind}`, { name: name || format.word("untitled"), why });
  });
  const now = [...list.children].map(({ textContent }) => textContent);
  if (now.join("\n") !== shown.join("\n")) list.replaceChildren(...shown.map((text) => create("li", "problem", text)));
}
