// Entry point of the signed-out page: deletes what this browser stored, has its other pages check their session, and
// says before anybody goes to Google that a sign-in can't be remembered where cookies are blocked.

import { keepsCookies } from "../embed/popup.js";
import { byId } from "../lib/dom.js";
import { keepLink } from "../lib/link.js";
import { forget } from "../lib/memory.js";
import { CHANNEL } from "./session.js";

forget();
// Somebody who scanned the code of a device is to sign in first.
keepLink();
new BroadcastChannel(CHANNEL).postMessage("look");
byId("no-cookies", HTMLElement).hidden = keepsCookies() || location.search.includes("error=");
