// Entry point of the signed-out page: deletes what this browser stored and has its other pages check their session.

import { forget } from "../lib/memory.js";
import { CHANNEL } from "./session.js";

forget();
new BroadcastChannel(CHANNEL).postMessage("look");
