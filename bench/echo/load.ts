/**
 * `node bench/echo/load.ts PORT CONNECTIONS MESSAGE_BYTES SECONDS`: on each connection a message, its echo, the next.
 * Prints what a `Load` is made of.
 */
import { connect } from 'node:net';
import { percentile } from '../statistics.ts';
import { frame, frameBytes, HANDSHAKE_END, KEY } from './frames.ts';

const [port = 0, connections = 0, messageBytes = 0, seconds = 0] = process.argv.slice(2).map(Number);
const MESSAGE = frame(messageBytes, 'masked');
const ECHO_BYTES = frameBytes(messageBytes, 'plain');
const HANDSHAKE = `GET /echo HTTP/1.1\r\nHost: bench.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`;

const latenciesUs: number[] = [];
let errors = 0;
let isOver = false;

const began = performance.now();
await Promise.all(Array.from({ length: connections }, converse));
const us = Math.round((performance.now() - began) * 1000);
process.stdout.write(
  `${JSON.stringify({
    requests: latenciesUs.length,
    us,
    bytes: latenciesUs.length * ECHO_BYTES,
    errors,
    p50: Math.round(percentile(latenciesUs, 50)),
    p99: Math.round(percentile(latenciesUs, 99)),
  })}\n`,
);

function converse(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let head = '';
  let isUpgraded = false;
  let received = 0;
  let askedAtMs = 0;
  const ask = () => {
    received = 0;
    askedAtMs = performance.now();
    socket.write(MESSAGE);
  };
  socket.on('connect', () => socket.write(HANDSHAKE));
  socket.on('data', (chunk) => {
    if (!isUpgraded) {
      head += chunk.toString('latin1');
      if (!head.includes(HANDSHAKE_END)) return;
      if (!head.startsWith('HTTP/1.1 101 ')) {
        errors++;
        socket.destroy();
        return;
      }
      isUpgraded = true;
      ask();
      return;
    }
    received += chunk.length;
    if (received < ECHO_BYTES) return;
    latenciesUs.push((performance.now() - askedAtMs) * 1000);
    if (isOver) socket.destroy();
    else ask();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (!isOver) errors++;
    resolve();
  });
  setTimeout(() => {
    isOver = true;
  }, seconds * 1000);
  return promise;
}
