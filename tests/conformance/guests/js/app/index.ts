/** One app with all that the SDK has, for `tests/src/conformance/app.rs`. */

import {
  HttpError,
  Response,
  basicAuth,
  bearerAuth,
  cors,
  defineApp,
  env,
  members,
  publish,
  requestId,
  sameOrigin,
  sse,
  stream,
  timing,
} from "lithe-sdk";
import type { AppMiddleware, Peer, SocketHooks } from "lithe-sdk";

const tally = new Map<string, number>();

let saving = "works";

function add(option: string, votes: number): void {
  tally.set(option, (tally.get(option) ?? 0) + votes);
}

/** The tally as JSON, in the order of the options: an object would put those that are numbers first. */
function shown(): string {
  const entries = [...tally].sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([option, votes]) => `${JSON.stringify(option)}:${votes}`).join(",")}}`;
}

function answer(): Response {
  return new Response(shown(), { headers: { "content-type": "application/json" } });
}

function count(peer: Peer): void {
  let said = 0;
  const timer = setInterval(() => {
    peer.send(String(++said));
    if (said === 3) clearInterval(timer);
  }, 20);
}

const live: SocketHooks = {
  open(peer) {
    peer.subscribe("votes");
    peer.send(shown());
  },

  message(peer, message) {
    if (message.isBinary) return peer.send(message);
    const text = message.text();
    const colon = text.indexOf(":");
    const value = text.slice(colon + 1);
    switch (colon < 0 ? text : text.slice(0, colon + 1)) {
      case "who":
        return peer.send(String(members("votes").length));
      case "topics":
        return peer.send([...peer.topics].join(","));
      case "name:":
        peer.context["name"] = value;
        return peer.send("ok");
      case "name?":
        return peer.send(String(peer.context["name"] ?? ""));
      case "tick":
        setTimeout(() => peer.send("tock"), 50);
        return;
      case "count":
        return count(peer);
      case "say:":
        return peer.send(String(peer.publish("votes", value)));
      case "close":
        return peer.close(4001, "bye");
      case "fail":
        throw new Error("as told");
      case "buffered":
        return peer.send(String(peer.bufferedAmount));
      default:
        return peer.send(`echo:${text}`);
    }
  },

  resume(peer) {
    peer.send("resumed");
  },
};

const rooms: SocketHooks = {
  upgrade: (event) => ({ protocols: ["chat"], context: { id: event.param("id") } }),

  open(peer) {
    peer.subscribe(`room:${peer.context["id"]}`);
    peer.send(`room ${peer.context["id"]}`);
  },

  message(peer, message) {
    publish(`room:${peer.context["id"]}`, message.text());
  },
};

function countValues(json: unknown): number {
  if (typeof json !== "object" || json === null) return 1;
  return Object.values(json).reduce<number>((count, inner) => count + countValues(inner), 1);
}

/** A middleware that says that it has been there. */
function order(name: string): AppMiddleware {
  return async (_, next) => {
    const outcome = await next();
    outcome.headers.push(["x-order", name]);
    return outcome;
  };
}

export default defineApp(
  (app) => {
    app
      .use((event, next) => {
        event.setLocal("seen", "yes");
        return next();
      })
      .onError((_, error) => {
        if (error.status !== 418) return undefined;
        return new Response(`caught: ${error.message}`, { status: 418, headers: { "x-caught": "yes" } });
      });

    app.post("/votes/:option", (event) => {
      add(event.param("option"), 1);
      publish("votes", shown());
      return answer();
    });
    app.post("/saving/:how", (event) => {
      saving = event.param("how");
      return "ok";
    });
    app.get("/votes", answer);
    app.ws("/live", live);
    app.ws("/rooms/:id", rooms);

    app.get("/env/:name", (event) => {
      const value = env[event.param("name")];
      if (value === undefined) throw new HttpError(404, "Not Found");
      return value;
    });
    app.get("/item/:id", (event) => ({ id: event.paramInt("id") }));
    app.get("/query", ({ query }) => ({ n: query.int("n"), name: query.text("name", "") }));
    app.get("/cookies", (event) =>
      new Response(event.cookies.text("a", ""), { headers: { "content-type": "text/plain" } }).setCookie("b", "2", {
        path: "/",
        maxAge: 60,
        sameSite: "Lax",
        httpOnly: true,
      }));
    app.post("/form", (event) => {
      const form = event.form();
      return { age: form.int("age"), name: form.text("name") };
    });
    app.post("/json", (event) => {
      const name = event.json<{ name?: unknown } | null>()?.name;
      if (typeof name !== "string") throw new HttpError(400, "the field `name` is missing");
      return name;
    });
    app.get("/local", (event) => event.local("seen"));
    app.post("/half", (event) => {
      const n = event.json<{ n?: unknown } | null>()?.n;
      if (typeof n !== "number") throw new HttpError(400, "the field `n` is not a number");
      return { half: n / 2 };
    });
    app.post("/count", (event) => {
      const { query } = event;
      return String(countValues(event.json(query.has("limit") ? { limit: query.int("limit") } : {})));
    });
    app.get("/redirect", ({ query }) => Response.redirect(query.text("to", "/votes"), 303));
    app.get("/throw", () => {
      throw new Error("secret detail");
    });
    app.get("/refuse", () => {
      throw new HttpError(418, "teapot");
    });

    app.group("/admin", (admin) => {
      admin.use(bearerAuth("secret")).get("/who", () => "in");
    });
    app.group("/basic", (basic) => {
      basic.use(basicAuth("basic", { ann: "pw" })).get("/who", () => "in");
    });
    app.group("/cors", (group) => {
      group.use(cors({ origins: ["https://app.example"], methods: ["PUT"] }));
      group.put("/x", () => "ok").options("/x", () => "ok");
    });
    app.group("/origin", (group) => {
      group.use(sameOrigin()).ws("/live", live);
    });
    app.group("/traced", (group) => {
      group.use(requestId(), timing()).get("/x", () => "ok");
    });
    app.group("/outer", (outer) => {
      outer.use(order("outer")).group("/inner", (inner) => {
        inner.use(order("inner")).get("/x", () => "ok");
      });
    });

    app.group("/vault", (vault) => vault.use(bearerAuth(() => env.TOKEN)).get("/who", () => "in"));
    app.group("/safe", (safe) => {
      safe.use(basicAuth("safe", () => ({ ann: env.TOKEN, bob: env.MISSING }))).get("/who", () => "in");
    });

    app.get("/nothing", () => {});
    app.group("/nothing/around", (around) => around.use((_, next) => void next()).get("/", () => "ok"));

    app.get("/events", (event) => sse(event, ["1", "2", "3"]));
    app.get("/stream", (event) => stream(event, ["a", "b", "c"], { headers: { "content-type": "text/plain" } }));
    app.get("/other-method", () => "ok");
  },
  {
    state: {
      save() {
        if (saving === "fails") throw new Error("cannot save, as told");
        return [...tally];
      },
      restore(saved: [string, number][]) {
        for (const [option, votes] of saved) add(option, votes);
      },
    },

    health() {
      const { SICK } = env;
      if (SICK !== undefined) throw new Error(`sick: ${SICK}`);
    },
  },
);
