const everyone = new Set();

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, (request) => {
  if (request.url.endsWith("/bench/hello")) return new Response("hello world");
  const { pathname } = new URL(request.url);
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  if (pathname === "/bench/publish") {
    socket.onopen = () => everyone.add(socket);
    socket.onclose = () => everyone.delete(socket);
    socket.onmessage = ({ data }) => everyone.forEach((one) => one.send(data));
  } else {
    socket.onmessage = ({ data }) => socket.send(data);
  }
  return response;
});
