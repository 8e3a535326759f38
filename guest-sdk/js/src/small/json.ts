/** `JSON.parse` with a bound. The engine's own goes as deep as the text says, and the end of its stack
 * would end the instance: a client could do that to all others. */

/** How deep arrays and objects may stand in each other. */
const DEPTH = 500;

const parse = JSON.parse;

JSON.parse = (text: string, reviver?: Parameters<typeof parse>[1]): unknown => {
  const source = String(text);
  boundLevels(source);
  return parse(source, reviver);
};

/** Throws if arrays and objects stand deeper in each other than `JSON.parse` reads. */
export function boundLevels(text: string): void {
  if (text.length > DEPTH && isTooDeep(text)) {
    throw new SyntaxError(`more than ${DEPTH} levels of arrays and objects`);
  }
}

function isTooDeep(text: string): boolean {
  // Native calls: most texts cost no more.
  if (text.split("[").length + text.split("{").length - 2 <= DEPTH) return false;
  let [depth, isString] = [0, false];
  for (const part of text.split('"')) {
    if (isString) {
      // A quote behind an odd number of backslashes does not end the string.
      isString = backslashesAtEnd(part) % 2 === 1;
      continue;
    }
    for (let at = 0; at < part.length; at++) {
      const character = part.charCodeAt(at);
      if (character === 0x5b || character === 0x7b) depth++;
      else if (character === 0x5d || character === 0x7d) depth--;
      if (depth > DEPTH) return true;
    }
    isString = true;
  }
  return false;
}

function backslashesAtEnd(text: string): number {
  let start = text.length;
  while (text.charCodeAt(start - 1) === 0x5c) start--;
  return text.length - start;
}
