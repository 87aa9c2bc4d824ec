// Entry point of the signed-in page: creates its parts and connects them.

import { Api } from "../lib/api.js";
import { delay, ServerClock } from "../lib/clock.js";
import { byId } from "../lib/dom.js";
import { Format } from "../lib/format.js";
import { keepLink } from "../lib/link.js";
import { forgetOthers } from "../lib/memory.js";
import { Controls } from "./controls.js";
import { Day } from "./day.js";
import { Device } from "./device.js";
import { Hush } from "./hush.js";
import { keepPlan } from "./kept_plan.js";
import { Mia } from "./mia.js";
import { Outbox } from "./outbox.js";
import { Performance } from "./performance.js";
import { Preferences } from "./preferences.js";
import { Reactions } from "./reactions.js";
import { Schedule } from "./schedule.js";
import { Screens } from "./screens.js";
import { Session } from "./session.js";
import { Sounds } from "./sounds.js";
import { Speaker } from "./speaker.js";
import { followSchedule } from "./stream.js";
import { Tabs } from "./tabs.js";

const HEARTBEAT = 20_000;
const AGAIN = 5000;
/** How long a heartbeat or a new connection waits until acknowledgements are delivered. */
const PATIENCE = 3000;

/** @type {{words: Record<string, string>, language: string, user: number, csrf: string, speaks: boolean,
 *   isNew: boolean, mia: string, me: string, version: string}} */
const page = JSON.parse(byId("page-data", HTMLElement).textContent ?? "");

forgetOthers(page.user);
const api = new Api(page.csrf, { mia: page.mia, me: page.me });
const session = new Session(api, page.user);
const format = new Format(page.words, page.language);
const device = new Device(api, page.user, format.word("device_browser"));
const outbox = new Outbox(device, page.user, () => day?.refresh());
const preferences = new Preferences(api, format);
const clock = new ServerClock();
const { day, performance } = page.speaks ? startMia() : { day: null, performance: null };
const screens = new Screens(
  {
    today: () => import("./screens/today.js"),
    voice: () => import("./screens/voice.js"),
    when: () => import("./screens/when.js"),
    devices: () => import("./screens/devices.js"),
    google: () => import("./screens/google.js"),
    privacy: () => import("./screens/privacy.js"),
    operator: () => import("./screens/operator.js"),
    hello: () => import("./screens/hello.js"),
  },
  { api, format, clock, session, device, preferences, day, performance, speaks: page.speaks },
);

// The code of a device or of an invitation, kept over a sign-in.
if (keepLink() && screens.current !== "devices") screens.go("devices");
if (page.isNew && screens.current === "today") screens.go("hello");
day?.addEventListener("change", () => screens.changed());
day?.addEventListener("change", () => day.shown && keepPlan(page.user, { ...day.shown, at: clock.now() }));
preferences.addEventListener("change", () => day?.refresh());
loadPreferences();
// The server deletes the session and its devices; this browser deletes its own part.
byId("signout", HTMLElement).addEventListener("submit", () => session.endByForm());

// The app without a network; plain http has no service workers, but on localhost.
navigator.serviceWorker?.register(`${page.mia}/service-worker.js?v=${page.version}`, { scope: `${page.mia}/` }).catch(() => {});

async function loadPreferences() {
  try {
    await preferences.load();
  } catch {
    setTimeout(loadPreferences, AGAIN);
  }
}

/** @returns {{day: Day, performance: Performance}} */
function startMia() {
  const sounds = new Sounds();
  const speaker = new Speaker();
  const mia = new Mia(byId("mia", SVGSVGElement), byId("bubble", HTMLElement), () => speaker.loudness());
  const reactions = new Reactions(api, format, clock);
  const day = new Day(api, format, preferences, reactions);
  const lineOf = (/** @type {import("./schedule.js").Announcement} */ { id, text }) => {
    const { label, language } = day.dialectOf(id);
    return { text, dialect: label, language };
  };
  const performance = new Performance({ clock, sounds, speaker, mia, outbox, session, lineOf });
  const schedule = new Schedule(
    clock,
    (id) => outbox.has(id),
    (announcement, signal, begin) =>
      performance.perform(announcement, signal, () => {
        begin();
        reactions.about(announcement);
      }),
  );
  const isConnected = () => day.document?.connected ?? true;
  const controls = new Controls({ lineOf, isConnected, speaker, mia, clock, schedule, performance, format, device, hush: new Hush(api, format, clock), user: page.user });

  // The dialect of the next announcement is known with the day, and why there is none.
  day.addEventListener("change", () => controls.tick());
  day.addEventListener("change", () => mia.greet(format.word(isConnected() ? "hello" : "hello_unseen")));

  const apply = (/** @type {import("./schedule.js").ScheduleDocument} */ document) => {
    if (session.signal.aborted) return;
    schedule.update(document);
    controls.apply(document);
    window.document.documentElement.dataset.schedule = String(document.version);
    day.refresh();
  };
  const tabs = new Tabs(`catflap.mia.${page.user}`, {
    lead(signal) {
      controls.speaksHere = true;
      schedule.keepTime(true);
      followServer(signal, { clock, schedule }, (document) => {
        clock.learn(document.now);
        tabs.send({ document, offset: clock.offset });
        apply(document);
        sounds.keep(schedule.coming());
      });
    },
    follow() {
      controls.speaksHere = false;
      schedule.keepTime(false);
    },
    receive({ document, offset }) {
      clock.offset = offset;
      apply(document);
    },
  });
  session.signal.addEventListener("abort", () => {
    speaker.close();
    tabs.stop();
    schedule.clear();
    controls.tick();
    sounds.forget();
    mia.hush();
    day.forget();
  });
  byId("speak-here", HTMLElement).addEventListener("click", () => tabs.takeOver());
  tabs.start();
  return { day, performance };
}

/**
 * Read the schedule and send heartbeats until the signal is aborted.
 * @param {AbortSignal} signal
 * @param {{clock: ServerClock, schedule: Schedule}} parts
 * @param {(document: import("./schedule.js").ScheduleDocument) => void} onDocument
 */
function followServer(signal, { clock, schedule }, onDocument) {
  let lastBeat = 0;
  // Before the server learns that this device is back, so that what it said without a network doesn't count as missed.
  const deliver = () => Promise.race([outbox.flush(), delay(PATIENCE)]);
  // Called at every keep-alive as well: a hidden tab's timers may run once a minute, its network doesn't.
  const beat = () => {
    if (Date.now() - lastBeat < HEARTBEAT - 1000) return;
    lastBeat = Date.now();
    schedule.arm();
    deliver().then(() => device.post("/v1/device/heartbeat", {})).catch(() => {});
  };
  const timer = setInterval(beat, HEARTBEAT);
  signal.addEventListener("abort", () => clearInterval(timer));
  const onLine = (/** @type {boolean} */ online) => (byId("offline", HTMLElement).hidden = online);
  const onEnd = (/** @type {boolean} */ isGone) => {
    if (isGone) session.requireCheck();
    return session.check();
  };
  followSchedule(device, { onBegin: deliver, onConnect: () => clock.reset(), onDocument, onBytes: beat, onLine, onEnd }, signal);
}
