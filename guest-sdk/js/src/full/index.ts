/** The full engine, StarlingMonkey: it has the web's APIs. */

import "./console.ts";

export { boundLevels, goOn, settle } from "./engine.ts";
