/** The full engine runs its event loop until an export's promise settles. Node does, too. */

const later = setTimeout;

export function settle<T>(value: T | PromiseLike<T>): T | PromiseLike<T> {
  return value;
}

export function goOn(): PromiseLike<void> {
  return new Promise((resolve) => later(resolve, 0));
}

/** `JSON.parse` reads as many levels as `JSON.stringify` writes. */
export function boundLevels(): void {}
