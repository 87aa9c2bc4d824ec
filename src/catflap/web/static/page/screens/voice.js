// The screen "Voice": who Mia is in each language, how much she says, how high and how loud; heard before chosen.

import { delay } from "../../lib/clock.js";
import { Readings } from "../readings.js";
import { Chooser } from "../voice/chooser.js";
import { Hearing } from "../voice/hearing.js";
import { mirrorVolume } from "../voice/volume.js";

const AGAIN = 5000;

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export async function open(section, parts) {
  const { api, format, session, device, preferences, speaks, performance } = parts;
  const sayHere = speaks ? (/** @type {string} */ text) => device.say(text) : null;
  const words = /** @type {HTMLElement} */ (section.querySelector("#words"));
  const readings = new Readings(api, format, words, () => preferences.dispatchEvent(new Event("change")), sayHere);
  untilDone(() => readings.load());
  const hearing = performance && new Hearing(api, performance);
  const chooser = new Chooser(/** @type {HTMLFormElement} */ (section.querySelector("#voice-form")), parts, hearing);
  const volume = /** @type {HTMLInputElement | null} */ (section.querySelector("#voice-volume"));
  const showVolume = volume ? mirrorVolume(volume) : () => {};
  untilDone(async () => {
    const { engines } = await api.get("/v1/voices");
    await preferences.ready;
    chooser.start(engines);
    preferences.addEventListener("change", () => session.signal.aborted || chooser.show());
  });
  return {
    shown: showVolume,
    changed: showVolume,
    forget() {
      hearing?.forget();
      chooser.forget();
      words.querySelector("ul")?.replaceChildren();
    },
  };

  /** Again after errors. @param {() => Promise<void>} act */
  async function untilDone(act) {
    while (!session.signal.aborted) {
      try {
        return await act();
      } catch {
        await delay(AGAIN, session.signal).catch(() => {});
      }
    }
  }
}
