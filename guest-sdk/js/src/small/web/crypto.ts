/** `crypto`, as a whole. */

import { getRandomValues, randomUUID } from "../random.ts";
import { subtle } from "./subtle.ts";

export const crypto = { getRandomValues, randomUUID, subtle };
