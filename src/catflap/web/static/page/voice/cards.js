// Cards of a group of radio buttons, each with a button that lets it be heard.

import { create } from "../../lib/dom.js";

const SVG = "http://www.w3.org/2000/svg";
/** A triangle to play, a square to stop. */
const SHAPES = { play: "M9 6.5v11l9-5.5z", stop: "M8 8h8v8H8z" };

/**
 * @typedef {object} Card
 * @property {string} value
 * @property {{text: string, language: string}[]} names each in its language, empty for the page's
 * @property {string} text
 * @property {string} language of the text
 */

/**
 * A card with its radio button.
 * @param {string} name of the group
 * @param {Card} card
 */
export function radioCard(name, { value, names, text, language }) {
  const input = document.createElement("input");
  input.type = "radio";
  input.name = name;
  input.value = value;
  const called = create("span", "voice-name");
  names.forEach((one, place) => {
    const part = create("span", "", one.text);
    if (one.language) part.lang = one.language;
    called.append(place ? " · " : "", part);
  });
  const said = create("span", "voice-says", text);
  said.lang = language;
  const words = create("span", "voice-words");
  words.append(called, said);
  const label = create("label", "voice-choice");
  label.append(input, words);
  const card = create("div", "voice-card");
  card.append(label);
  return { card, said };
}

/**
 * A round button that plays, or stops what it plays.
 * @param {{play: string, stop: string}} labels
 * @param {(show: (state: import("./hearing.js").State) => void) => void} play
 * @param {() => void} stop
 */
export function hearButton(labels, play, stop) {
  const button = /** @type {HTMLButtonElement} */ (create("button", "hear"));
  button.type = "button";
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  drawing.append(shape);
  button.append(drawing);
  const show = (/** @type {import("./hearing.js").State} */ state) => {
    button.dataset.state = state;
    button.setAttribute("aria-label", state ? labels.stop : labels.play);
    shape.setAttribute("d", state === "playing" ? SHAPES.stop : SHAPES.play);
  };
  show("");
  button.addEventListener("click", () => (button.dataset.state ? stop() : play(show)));
  return button;
}
