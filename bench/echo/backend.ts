/**
 * `node bench/echo/backend.ts MESSAGE_BYTES`: answers a handshake, then each message with one of the same length. It
 * prints its port.
 */
import { createServer, type Socket } from 'node:net';
import { ACCEPT, frame, frameBytes, HANDSHAKE_END } from './frames.ts';

const messageBytes = Number(process.argv[2]);
const ANSWER = frame(messageBytes, 'plain');
const ASKED_BYTES = frameBytes(messageBytes, 'masked');
const SWITCHED = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

const server = createServer({ noDelay: true }, (socket) => serve(socket));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});

function serve(socket: Socket): void {
  let head = '';
  let isUpgraded = false;
  let received = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    if (isUpgraded) received += chunk.length;
    else {
      head += chunk.toString('latin1');
      const end = head.indexOf(HANDSHAKE_END);
      if (end < 0) return;
      isUpgraded = true;
      received = head.length - end - HANDSHAKE_END.length;
      socket.write(SWITCHED);
    }
    for (; received >= ASKED_BYTES; received -= ASKED_BYTES) socket.write(ANSWER);
  });
}
