/** What stands for `fetch` in an author's code: Lithe gives a component no network. */

async function fetch(): Promise<never> {
  throw new TypeError("Lithe gives components no network, so `fetch` has nothing to ask");
}

export { fetch, fetch as "globalThis.fetch" };
