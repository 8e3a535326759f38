/** What stands for `fetch` in an author's code: Lithe gives a component no network. */

async function fetch(): Promise<never> {
  throw new TypeError("Lithe gives a component no network: `fetch` has nothing to ask");
}

export { fetch, fetch as "globalThis.fetch" };
