/** `URL` (URL Standard), but for what needs large tables: hosts have ASCII characters only, and an IPv4
 * address is four decimal numbers. */

import { percentDecoded } from "../../values.ts";
import { URLSearchParams } from "./params.ts";

const PORTS: Record<string, string> = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21", "file:": "" };

// What is percent-encoded in each part.
const FRAGMENT = /[\0- "<>`\x7f-\u{10ffff}]/gu;
const QUERY = /[\0- "#<>\x7f-\u{10ffff}]/gu;
const SPECIAL_QUERY = /[\0- "#'<>\x7f-\u{10ffff}]/gu;
const PATH = /[\0- "#<>?`{}\x7f-\u{10ffff}]/gu;
const USERINFO = /[\0- "#/:;<=>?@[\\\]^`{|}\x7f-\u{10ffff}]/gu;
const OPAQUE = /[\0-\x1f\x7f-\u{10ffff}]/gu;

/** A URL's parts, as they stand in it. */
interface Parts {
  protocol: string;
  username: string;
  password: string;
  /** `undefined` if there is no `//`. */
  hostname: string | undefined;
  port: string;
  pathname: string;
  search: string;
  hash: string;
}

export class URL {
  #parts: Parts;
  #params: URLSearchParams | undefined;

  constructor(url: string | URL, base?: string | URL) {
    this.#parts = parsed(String(url), base === undefined ? undefined : parsed(String(base), undefined));
  }

  static parse(url: string | URL, base?: string | URL): URL | null {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }

  static canParse(url: string | URL, base?: string | URL): boolean {
    return URL.parse(url, base) !== null;
  }

  get href(): string {
    const { protocol, username, password, hostname, pathname, search, hash } = this.#parts;
    const user = username || password ? `${username}${password && `:${password}`}@` : "";
    // Without a host, a path that begins with two slashes would look like one.
    const authority = hostname !== undefined ? `//${user}${this.host}` : pathname.startsWith("//") ? "/." : "";
    return `${protocol}${authority}${pathname}${search}${hash}`;
  }

  set href(url: string) {
    this.#parts = parsed(url, undefined);
    this.#params?.replace(this.#parts.search.slice(1));
  }

  get origin(): string {
    const { protocol } = this.#parts;
    return protocol in PORTS && protocol !== "file:" ? `${protocol}//${this.host}` : "null";
  }

  get protocol(): string {
    return this.#parts.protocol;
  }

  set protocol(protocol: string) {
    const scheme = /^([a-z][a-z0-9+.-]*):?/i.exec(protocol)?.[1];
    const wanted = `${scheme?.toLowerCase()}:`;
    if (!scheme || (wanted in PORTS) !== (this.#parts.protocol in PORTS)) return;
    this.#parts.protocol = wanted;
    if (this.#parts.port === PORTS[wanted]) this.#parts.port = "";
  }

  get username(): string {
    return this.#parts.username;
  }

  set username(username: string) {
    if (this.#parts.hostname) this.#parts.username = encoded(username, USERINFO);
  }

  get password(): string {
    return this.#parts.password;
  }

  set password(password: string) {
    if (this.#parts.hostname) this.#parts.password = encoded(password, USERINFO);
  }

  get host(): string {
    const { hostname = "", port } = this.#parts;
    return port ? `${hostname}:${port}` : hostname;
  }

  set host(host: string) {
    this.#try((parts) => authority(parts, host));
  }

  get hostname(): string {
    return this.#parts.hostname ?? "";
  }

  set hostname(hostname: string) {
    this.#try((parts) => (parts.hostname = hostOf(hostname, parts.protocol in PORTS)));
  }

  get port(): string {
    return this.#parts.port;
  }

  set port(port: string) {
    this.#try((parts) => (parts.port = portOf(String(port), parts.protocol)));
  }

  get pathname(): string {
    return this.#parts.pathname;
  }

  set pathname(pathname: string) {
    const { protocol } = this.#parts;
    if (!isOpaque(this.#parts)) this.#parts.pathname = pathOf(pathname, "", protocol);
  }

  get search(): string {
    return shown(this.#parts.search);
  }

  set search(search: string) {
    this.#parts.search = search && queryOf(search.replace(/^\?/, ""), this.#parts.protocol);
    this.#params?.replace(this.#parts.search.slice(1));
  }

  get searchParams(): URLSearchParams {
    this.#params ??= URLSearchParams.of(this.#parts.search.slice(1), (query) => {
      this.#parts.search = query && `?${query}`;
    });
    return this.#params;
  }

  get hash(): string {
    return shown(this.#parts.hash);
  }

  set hash(hash: string) {
    this.#parts.hash = hash && `#${encoded(hash.replace(/^#/, ""), FRAGMENT)}`;
  }

  toString(): string {
    return this.href;
  }

  toJSON(): string {
    return this.href;
  }

  /** A setter leaves the URL as it is if the value does not fit. */
  #try(change: (parts: Parts) => void): void {
    if (isOpaque(this.#parts)) return;
    try {
      const parts = { ...this.#parts };
      change(parts);
      this.#parts = parts;
    } catch {
      // It does not fit.
    }
  }
}

/** A query or a fragment, which is not shown if there is nothing in it. */
function shown(text: string): string {
  return text.length > 1 ? text : "";
}

/** Whether it is such as `mailto:ann@example.com`. */
function isOpaque({ hostname, pathname }: Parts): boolean {
  return hostname === undefined && !pathname.startsWith("/");
}

function parsed(url: string, base: Parts | undefined): Parts {
  const text = url.replace(/^[\0- ]+|[\0- ]+$/g, "").replace(/[\t\n\r]/g, "");
  const [, scheme, rest = text] = /^([a-z][a-z0-9+.-]*):([^]*)$/i.exec(text) ?? [];
  const protocol = scheme ? `${scheme.toLowerCase()}:` : base?.protocol;
  if (protocol === undefined) throw invalid(url);
  const isSpecial = protocol in PORTS;
  const [, before = "", search, hash] = /^([^?#]*)(\?[^#]*)?(#[^]*)?$/.exec(rest)!;
  const path = isSpecial ? before.replaceAll("\\", "/") : before;
  const parts: Parts = { protocol, username: "", password: "", hostname: undefined, port: "", pathname: "", search: "", hash: "" };
  if (search) parts.search = queryOf(search.slice(1), protocol);
  if (hash) parts.hash = `#${encoded(hash.slice(1), FRAGMENT)}`;

  if (!scheme && base && isOpaque(base) && (path || search || !hash)) throw invalid(url);
  const isRelative = !scheme || (isSpecial && protocol === base?.protocol && !path.startsWith("//"));
  if (path.startsWith("//") || (isSpecial && !isRelative && (scheme || !base))) {
    // A special URL has a host, however many slashes it has.
    const [, slashes, host = "", after = ""] = /^(\/*)([^/]*)([^]*)$/.exec(path)!;
    if (protocol === "file:") return file(parts, path);
    if (!isSpecial && slashes!.length > 2) {
      parts.hostname = "";
      parts.pathname = pathOf(path.slice(2), "", protocol);
      return parts;
    }
    authority(parts, host);
    parts.pathname = pathOf(after, "", protocol);
    return parts;
  }
  if (scheme && !isRelative) {
    // `a:/b` has a path, and `a:b` is opaque.
    parts.pathname = path.startsWith("/") ? pathOf(path, "", protocol) : encoded(path, OPAQUE);
    return parts;
  }
  if (!base) throw invalid(url);
  const { username, password, hostname, port } = base;
  Object.assign(parts, { username, password, hostname, port });
  if (path) {
    parts.pathname = pathOf(path, path.startsWith("/") ? "" : base.pathname, protocol);
  } else {
    parts.pathname = base.pathname;
    if (search === undefined) parts.search = base.search;
  }
  return parts;
}

function file(parts: Parts, path: string): Parts {
  const [, host = "", after = ""] = /^\/\/([^/]*)([^]*)$/.exec(path) ?? [, "", path];
  parts.hostname = host === "localhost" ? "" : host && hostOf(host, true);
  parts.pathname = pathOf(after, "", parts.protocol);
  return parts;
}

/** `user:password@host:port`. */
function authority(parts: Parts, text: string): void {
  const end = text.lastIndexOf("@");
  if (end >= 0) {
    const user = text.slice(0, end);
    const colon = user.indexOf(":");
    parts.username = encoded(colon < 0 ? user : user.slice(0, colon), USERINFO);
    parts.password = colon < 0 ? "" : encoded(user.slice(colon + 1), USERINFO);
  }
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::([^]*))?$/.exec(text.slice(end + 1)) ?? [];
  const isSpecial = parts.protocol in PORTS;
  if (!host && (isSpecial || end >= 0 || port)) throw invalid(text);
  parts.hostname = host && hostOf(host, isSpecial);
  if (port !== undefined) parts.port = portOf(port, parts.protocol);
}

function hostOf(text: string, isSpecial: boolean): string {
  if (text.startsWith("[")) return `[${address(text.slice(1, -1))}]`;
  if (!isSpecial) {
    if (/[\0\t\n\r #/<>?@[\\\]^|]/.test(text)) throw invalid(text);
    return encoded(text, OPAQUE);
  }
  const host = percentDecoded(text).toLowerCase();
  if (!host || /[\0- "#%/:<>?@[\\\]^`{|}\x7f-\u{10ffff}]/u.test(host)) throw invalid(text);
  const labels = host.replace(/\.$/, "").split(".");
  if (!/^\d+$|^0x[0-9a-f]*$/.test(labels.at(-1)!)) return host;
  if (labels.length !== 4 || !labels.every((label) => /^(0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)) {
    throw invalid(text);
  }
  return labels.join(".");
}

/** An IPv6 address in its one spelling (RFC 5952). */
function address(text: string): string {
  const four = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  let spelled = text;
  if (four) {
    const [a, b, c, d] = four.slice(1).map(Number) as [number, number, number, number];
    if (![a, b, c, d].every((part) => part < 256)) throw invalid(text);
    spelled = text.slice(0, four.index) + `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = spelled.split("::");
  const [head = [], tail = []] = halves.map((half) => (half ? half.split(":") : []));
  const missing = 8 - head.length - tail.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) throw invalid(text);
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail].map((group) => {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) throw invalid(text);
    return parseInt(group, 16).toString(16);
  });
  // The first of the longest runs of zeros is left out, if it has two or more.
  const runs = [...groups.join(":").matchAll(/(?<![0-9a-f])0(:0)+(?![0-9a-f])/g)];
  const longest = runs.sort((one, other) => other[0].length - one[0].length)[0];
  if (!longest) return groups.join(":");
  const all = groups.join(":");
  return `${all.slice(0, longest.index).replace(/:$/, "")}::${all.slice(longest.index + longest[0].length).replace(/^:/, "")}`;
}

function portOf(text: string, protocol: string): string {
  if (!text) return "";
  const port = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw invalid(text);
  return PORTS[protocol] === String(port) ? "" : String(port);
}

/** A path without `.` and `..`, from the one of the base. */
function pathOf(text: string, base: string, protocol: string): string {
  const isSpecial = protocol in PORTS;
  const path = isSpecial ? text.replaceAll("\\", "/") : text;
  if (!path && !isSpecial) return "";
  const given = path.replace(/^\//, "").split("/");
  const found = base ? base.split("/").slice(1, -1) : [];
  given.forEach((segment, at) => {
    const isLast = at === given.length - 1;
    const dots = segment.replace(/%2e/gi, ".");
    if (dots === "..") found.pop();
    if (dots === "." || dots === "..") {
      if (isLast) found.push("");
    } else {
      found.push(encoded(segment, PATH));
    }
  });
  return `/${found.join("/")}`;
}

function queryOf(text: string, protocol: string): string {
  return `?${encoded(text, protocol in PORTS ? SPECIAL_QUERY : QUERY)}`;
}

function encoded(text: string, set: RegExp): string {
  return text.toWellFormed().replace(set, (character) => {
    const point = character.codePointAt(0)!;
    if (point >= 0x80) return encodeURIComponent(character);
    return `%${point.toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

function invalid(text: string): TypeError {
  return Object.assign(new TypeError(`\`${text}\` is not a URL`), { code: "ERR_INVALID_URL" });
}
