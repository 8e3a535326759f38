// Source maps (ECMA-426): the part that the log needs.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A map's mappings to those files that `nameOf` names, with the lines only. A segment of another file
 * stands there as its column alone. The numbers are decimals, so that a component needs no decoder:
 * as in the source map, each is the difference to the one before. */
export function authorsMap({ sources, mappings }, nameOf) {
  const names = sources.map(nameOf);
  const files = [...new Set(names.filter((name) => name !== undefined))];
  let [source, line, lastFile, lastLine] = [0, 0, 0, 0];
  const lines = mappings.split(";").map((text) => {
    let [column, lastColumn, before] = [0, 0, ""];
    const kept = [];
    for (const segment of text.split(",").filter((segment) => segment)) {
      const [columns, sources = 0, lines = 0] = decoded(segment);
      column += columns;
      source += sources;
      line += lines;
      const file = files.indexOf(names[source]);
      const place = `${file}:${line}`;
      // Several on one line of one file are the same to a reader.
      if (place === before || (file < 0 && !before)) continue;
      before = file < 0 ? "" : place;
      const numbers = [column - lastColumn];
      lastColumn = column;
      if (file >= 0) {
        numbers.push(file - lastFile, line - lastLine);
        [lastFile, lastLine] = [file, line];
      }
      kept.push(numbers.join(" "));
    }
    return kept.join(",");
  });
  // The SDK comes first in a bundle.
  const start = lines.findIndex((line) => line);
  return { files, start, mappings: lines.slice(start).join(";").replace(/;+$/, "") };
}

/** The numbers of a segment, each as digits of base 32 with its sign in the lowest bit. */
function decoded(segment) {
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}
