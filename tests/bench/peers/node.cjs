const http = require("node:http");
const [, , ws, port] = process.argv;
const { WebSocketServer } = require(ws);

const server = http.createServer((_, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end("hello world");
});
const everyone = new Set();
new WebSocketServer({ server }).on("connection", (socket, request) => {
  if (request.url === "/bench/publish") {
    everyone.add(socket);
    socket.on("close", () => everyone.delete(socket));
    socket.on("message", (data, binary) => everyone.forEach((one) => one.send(data, { binary })));
  } else {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  }
});
server.listen(Number(port), "127.0.0.1");
