// Small charts as SVG without text: words, numbers and tables beside them say the same.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {"good" | "wait" | "bad"} Tone */

/**
 * Bars over time, in each the parts one above the other.
 * @param {Array<Array<{tone: Tone, value: number}>>} steps
 * @param {string} label what a screen reader says
 */
export function stackedBars(steps, label) {
  const most = Math.max(1, ...steps.map(total));
  const chart = picture(label, "bars");
  chart.setAttribute("viewBox", `0 0 ${Math.max(1, steps.length)} 100`);
  chart.setAttribute("preserveAspectRatio", "none");
  steps.forEach((parts, index) => {
    let top = 100;
    for (const { tone, value } of parts.filter(({ value }) => value > 0)) {
      // What happened once is to be seen beside what happened a thousand times.
      const height = Math.max(2, (value / most) * 100);
      top -= height;
      chart.append(part(tone, { x: index + 0.12, y: Math.max(0, top), width: 0.76, height }));
    }
  });
  return chart;
}

/**
 * One bar from left to right, of parts beside one another.
 * @param {Array<{tone: Tone, value: number}>} parts
 * @param {number} whole what the whole width stands for
 * @param {string} [label] what a screen reader says; without one the bar is decoration
 */
export function bar(parts, whole, label = "") {
  const chart = picture(label, "bar");
  let left = 0;
  for (const { tone, value } of parts.filter(({ value }) => value > 0)) {
    const width = (value / Math.max(1, whole)) * 100;
    chart.append(part(tone, { x: `${left}%`, y: 0, width: `${Math.max(0.8, width)}%`, height: "100%" }));
    left += width;
  }
  return chart;
}

/** @param {Array<{value: number}>} parts */
function total(parts) {
  return parts.reduce((sum, { value }) => sum + value, 0);
}

/** @param {string} label @param {string} kind */
function picture(label, kind) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", `chart chart-${kind}`);
  made.setAttribute("focusable", "false");
  if (label) {
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
  } else {
    made.setAttribute("aria-hidden", "true");
  }
  return made;
}

/** @param {Tone} tone @param {Record<string, string | number>} place */
function part(tone, place) {
  const made = document.createElementNS(SVG, "rect");
  made.setAttribute("class", `tone-${tone}`);
  for (const [name, value] of Object.entries(place)) made.setAttribute(name, String(value));
  return made;
}
