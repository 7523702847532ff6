/** A body of 100 MB up and down, several at once: the router's memory grows by less than 64 MiB. `[megabytes]` */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { countFrom, growthDuring, HOST, MIB, memoryOf, mib, onStage, verdict } from './stage.ts';

const AT_ONCE = 2;
const MOST_GROWTH = 64 * MIB;
const BLOCK = Buffer.alloc(65_536, 'x');
const megabytes = countFrom(100);
const blocks = Math.ceil((megabytes * 1_000_000) / BLOCK.length);
const length = blocks * BLOCK.length;

function* body(): Generator<Buffer> {
  for (let i = 0; i < blocks; i++) yield BLOCK;
}

const backend = createServer(async (incoming, response) => {
  let got = 0;
  for await (const chunk of incoming) got += (chunk as Buffer).length;
  response.writeHead(200, { 'Content-Length': length, 'X-Got': got });
  Readable.from(body()).pipe(response);
});
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');

async function upAndDown(port: number): Promise<void> {
  const sent = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    headers: { Host: HOST, 'Content-Length': length },
    agent: false,
  });
  Readable.from(body()).pipe(sent);
  const [response] = await once(sent, 'response');
  let got = 0;
  for await (const chunk of response) got += (chunk as Buffer).length;
  if (response.headers['x-got'] === `${length}` && got === length) return;
  throw new Error(`expected ${length} bytes each way, found ${response.headers['x-got']} up and ${got} down`);
}

await onStage((backend.address() as AddressInfo).port, async (router) => {
  const growth = await growthDuring(router.pid, async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, () => upAndDown(router.port)));
  });
  verdict(growth < MOST_GROWTH, {
    bytesEachWay: length,
    atOnce: AT_ONCE,
    growth: mib(growth),
    memory: mib(await memoryOf(router.pid)),
  });
});
backend.close();
