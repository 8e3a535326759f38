/** Errors in the log, with the names and lines of the author's files. */

/** Where the bundle's code comes from: the names of the files, and the mappings of a source map
 * (ECMA-426) without those of the SDK. The build writes it behind the bundle. */
interface SourceMap {
  files: string[];
  /** The bundle's first line that the mappings are about, from 0. */
  start: number;
  mappings: string;
}

/** A place in the bundle, and where it comes from. */
interface Mapping {
  column: number;
  file: string | undefined;
  line: number;
}

/** An error, for the log: neither engine's stack begins with the message. */
export function described(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const stack = mapped(error.stack ?? "");
  const text = stack.includes(error.message) && error.message ? stack : `${error}\n${stack}`.trimEnd();
  const { cause } = error;
  return cause instanceof Error ? `${text}\ncaused by ${described(cause)}` : text;
}

/** A stack whose lines name the author's files. Lines of the SDK's own code are left out. */
function mapped(stack: string): string {
  const map = (globalThis as { litheSourceMap?: SourceMap }).litheSourceMap;
  if (!map) return stack;
  let lines: Mapping[][] | undefined;
  const shown = stack.split("\n").map((frame) => {
    // What the full engine adds of its own.
    if (frame.includes("initializer.js:")) return undefined;
    const place = /\(?[^\s()@]*bundle\.js:(\d+):(\d+)\)?/.exec(frame);
    if (!place) return frame;
    lines ??= decoded(map);
    const found = origin(lines[Number(place[1]) - 1 - map.start] ?? [], Number(place[2]) - 1);
    if (found?.file === undefined) return undefined;
    const before = frame.slice(0, place.index);
    const [open, close] = place[0].startsWith("(") ? ["(", ")"] : ["", ""];
    return `${before}${open}${found.file}:${found.line}${close}`;
  });
  return shown.filter((frame) => frame !== undefined).join("\n");
}

/** The last mapping that is not behind the column. */
function origin(line: Mapping[], column: number): Mapping | undefined {
  return line.filter((mapping) => mapping.column <= column).at(-1);
}

/** The mappings by the bundle's lines. */
function decoded({ files, mappings }: SourceMap): Mapping[][] {
  let [file, line] = [0, 0];
  return mappings.split(";").map((text) => {
    let column = 0;
    return text.split(",").filter((segment) => segment).map((segment) => {
      const [columns = 0, ...original] = segment.split(" ").map(Number);
      column += columns;
      file += original[0] ?? 0;
      line += original[1] ?? 0;
      return { column, file: original.length ? files[file] : undefined, line: line + 1 };
    });
  });
}
