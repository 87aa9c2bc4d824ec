// Nobody is signed in here: nothing of anybody stays in this browser, and its other pages look for themselves.

import { forget } from "../lib/memory.js";
import { CHANNEL } from "./session.js";

forget();
new BroadcastChannel(CHANNEL).postMessage("look");
