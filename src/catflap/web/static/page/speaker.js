// Plays sounds with WebAudio; a gain sets the volume, an analyser measures the loudness that moves Mia's mouth.

/** @typedef {{ended: Promise<boolean>, stop: () => void}} Playing `ended` is false when the sound was cut off */

export class Speaker extends EventTarget {
  #context = new AudioContext({ latencyHint: "playback" });
  #gain = this.#context.createGain();
  #analyser = this.#context.createAnalyser();
  #samples = new Float32Array(1024);
  #volume = 60;
  #muted = false;

  constructor() {
    super();
    this.#analyser.fftSize = this.#samples.length;
    this.#analyser.connect(this.#gain).connect(this.#context.destination);
    this.#context.addEventListener("statechange", () => this.dispatchEvent(new Event("change")));
    this.#adjust();
  }

  /** Whether the browser permits sound. */
  get isAwake() {
    return this.#context.state === "running";
  }

  get isMuted() {
    return this.#muted;
  }

  set isMuted(muted) {
    this.#muted = muted;
    this.#adjust();
  }

  /** 0 to 100 */
  set volume(/** @type {number} */ volume) {
    this.#volume = volume;
    this.#adjust();
  }

  /** Ask for sound; browsers grant it inside a person's gesture only. */
  async wake() {
    await this.#context.resume().catch(() => {});
  }

  /** Stop all sound for good. */
  async close() {
    await this.#context.close().catch(() => {});
  }

  /** @param {ArrayBuffer} bytes @returns {Promise<AudioBuffer>} */
  decode(bytes) {
    return this.#context.decodeAudioData(bytes.slice(0)); // decoding takes the bytes away
  }

  /**
   * Play on the audio clock, so that a busy page doesn't make her late.
   * @param {AudioBuffer} buffer
   * @param {number} milliseconds from now
   * @returns {Playing}
   */
  play(buffer, milliseconds) {
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#analyser);
    const start = this.#context.currentTime + Math.max(0, milliseconds) / 1000;
    source.start(start);
    let stopped = false;
    const stop = () => {
      stopped = true;
      source.stop();
    };
    const ended = new Promise((resolve) => {
      const onChange = () => this.isAwake || stop() || finish(); // a suspended context never says "ended"
      const finish = () => {
        this.removeEventListener("change", onChange);
        source.disconnect();
        resolve(!stopped);
      };
      this.addEventListener("change", onChange);
      source.addEventListener("ended", finish, { once: true });
    });
    return { ended, stop };
  }

  /** @returns {number} how loud she is this very moment, 0 to 1, whatever the volume is set to */
  loudness() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return Math.min(1, Math.max(0, (Math.sqrt(power) - 0.008) * 5.5));
  }

  #adjust() {
    // Squared, because ears hear loudness that way.
    const level = this.#muted ? 0 : (this.#volume / 100) ** 2;
    this.#gain.gain.setTargetAtTime(level, this.#context.currentTime, 0.015);
  }
}
