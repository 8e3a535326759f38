/** What stands for `process.env` in an author's code. The build puts it in place of that, wherever it
 * is used. */

import { env } from "./env.ts";

export { env as "process.env", env as "globalThis.process.env" };
