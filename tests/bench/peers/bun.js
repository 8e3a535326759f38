const topic = "all";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.argv[2]),
  routes: { "/bench/hello": () => new Response("hello world") },
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (!server.upgrade(request, { data: pathname })) return new Response("", { status: 426 });
  },
  websocket: {
    open(socket) {
      if (socket.data === "/bench/publish") socket.subscribe(topic);
    },
    message(socket, message) {
      if (socket.data === "/bench/publish") {
        server.publish(topic, message);
      } else {
        socket.send(message);
      }
    },
  },
});
