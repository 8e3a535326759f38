/** Answers requests. */

import { defineHandler } from "lithe-sdk";

export default defineHandler((event) => `Hello from ${event.path}`);
