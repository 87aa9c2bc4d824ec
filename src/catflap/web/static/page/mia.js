// The figure of Mia (mouth, gaze) and the speech bubble. Words are inserted as text, never as markup.

/** @typedef {{text: string, dialect: string, language: string}} Line */

export class Mia {
  #figure;
  #bubble;
  #label;
  #words;
  #loudness;
  #open = 0;
  #hasSpoken = false;
  #frame = 0;

  /**
   * @param {SVGSVGElement} figure
   * @param {HTMLElement} bubble holds two paragraphs: the dialect's name and the words
   * @param {() => number} loudness of her voice, 0 to 1
   */
  constructor(figure, bubble, loudness) {
    this.#figure = figure;
    this.#bubble = bubble;
    const [label, words] = bubble.children;
    if (!label || !words) throw new Error("the bubble lacks its paragraphs");
    this.#label = label;
    this.#words = words;
    this.#loudness = loudness;
    this.#followPointer();
    figure.addEventListener("click", () => this.#purr());
  }

  /** @param {boolean} asleep until the browser allows sound */
  set isAsleep(asleep) {
    if (this.#figure.dataset.state === "speaking" || this.#figure.dataset.state === "showing") return;
    this.#figure.dataset.state = asleep ? "asleep" : "idle";
  }

  /** Say this in the bubble until she speaks. @param {string} words */
  greet(words) {
    if (!this.#hasSpoken && this.#words.textContent !== words) this.#words.textContent = words;
  }

  /** Her words appear and her mouth follows her voice. @param {Line} line */
  speak(line) {
    this.#say(line, "speaking");
    this.#figure.dataset.loudest = "0";
    cancelAnimationFrame(this.#frame);
    this.#moveMouth();
  }

  /** Her words appear without a voice. @param {Line} line */
  show(line) {
    this.#say(line, "showing");
  }

  /** End speaking; the last words stay in the bubble, paler. */
  rest() {
    this.#figure.dataset.state = "idle";
    this.#bubble.classList.remove("speaking");
    cancelAnimationFrame(this.#frame);
    this.#setMouth(0);
  }

  /** Stop and empty the bubble. */
  hush() {
    this.rest();
    this.#hasSpoken = true;
    this.#label.textContent = "";
    this.#words.textContent = "";
  }

  /** @param {Line} line @param {"speaking" | "showing"} state */
  #say({ text, dialect, language }, state) {
    this.#hasSpoken = true;
    this.#label.textContent = dialect;
    this.#words.textContent = text;
    this.#words.setAttribute("lang", language);
    this.#bubble.classList.add("speaking");
    this.#figure.dataset.state = state;
  }

  #moveMouth() {
    const loudness = this.#loudness();
    // Opens at once and closes a little later, as mouths do.
    this.#setMouth(Math.max(loudness, this.#open * 0.78));
    this.#figure.dataset.loudest = String(Math.max(loudness, Number(this.#figure.dataset.loudest)));
    this.#frame = requestAnimationFrame(() => this.#moveMouth());
  }

  /** @param {number} open 0 to 1 */
  #setMouth(open) {
    this.#open = open < 0.03 ? 0 : open;
    this.#figure.style.setProperty("--open", this.#open.toFixed(3));
    this.#figure.dataset.mouth = this.#open > 0.4 ? "open" : "closed";
  }

  #purr() {
    this.#figure.classList.add("patted");
    setTimeout(() => this.#figure.classList.remove("patted"), 900);
  }

  #followPointer() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    window.addEventListener("pointermove", ({ clientX, clientY }) => {
      const box = this.#figure.getBoundingClientRect();
      const [x, y] = [clientX - (box.left + box.width / 2), clientY - (box.top + box.height * 0.46)];
      const distance = Math.hypot(x, y) || 1;
      const reach = Math.min(1, distance / 160);
      this.#figure.style.setProperty("--look-x", `${((x / distance) * 8 * reach).toFixed(1)}px`);
      this.#figure.style.setProperty("--look-y", `${((y / distance) * 6 * reach).toFixed(1)}px`);
    }, { passive: true });
  }
}
