/** A process that sends every WebSocket message back: what a tunnel is measured with. Prints its port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SOCKET_PROTOCOL } from '@sotto/api';
import { WebSocketServer } from 'ws';

// Plain requests are answered too: nginx is asked over HTTP whether it is up.
const server = createServer((_, response) => response.end());
const sockets = new WebSocketServer({
  server,
  perMessageDeflate: false,
  handleProtocols: () => SOCKET_PROTOCOL,
});
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => socket.terminate());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`ready http://127.0.0.1:${port}\n`);
});
