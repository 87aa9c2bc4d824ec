// The volume of this browser on another place of the page: both sliders move together.

import { byId } from "../../lib/dom.js";

/** @param {HTMLInputElement} slider @returns {() => void} shows the volume as it is now */
export function mirrorVolume(slider) {
  const volume = byId("volume", HTMLInputElement);
  const show = () => (slider.value = volume.value);
  for (const kind of ["input", "change"]) {
    slider.addEventListener(kind, () => {
      volume.value = slider.value;
      volume.dispatchEvent(new Event(kind));
    });
    volume.addEventListener(kind, show);
  }
  slider.disabled = false;
  show();
  return show;
}
