/**
 * A toy autoscaler: it follows the router's events and starts one more backend when a pool wants more capacity.
 * `node examples/autoscaler.ts [ADMIN] [MOST]`, beside `switchyard serve` with a pool that has few backends or none.
 */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { startExampleBackend } from './backend.ts';

const [admin = '127.0.0.1:8081', most = '4'] = process.argv.slice(2);
const started = new Map<string, number>();

type Told = {
  readonly position: number;
  readonly stream: string;
  readonly type: string;
  readonly data: { readonly cause: string; readonly waiting: number; readonly starting: number };
};

/** Only events from now on: earlier wants may have been met long ago. */
async function newestPosition(): Promise<number> {
  const state = await fetch(`http://${admin}/v1/state`);
  return ((await state.json()) as { position: number }).position;
}

async function* wants(from: number): AsyncGenerator<Told> {
  const answer = await fetch(`http://${admin}/v1/events?follow=true&from=${from}`, {
    headers: { accept: 'application/x-ndjson' },
  });
  for await (const line of createInterface({ input: Readable.fromWeb(answer.body as never) })) {
    if (line === '') continue;
    const event = JSON.parse(line) as Told;
    if (event.type === 'CapacityWanted') yield event;
  }
}

async function addBackend(pool: string): Promise<void> {
  const number = (started.get(pool) ?? 0) + 1;
  if (number > Number(most)) return;
  started.set(pool, number);
  const { name, address } = await startExampleBackend(`${pool}.auto${number}`);
  const answer = await fetch(`http://${admin}/v1/pools/${pool}/backends/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'switchyard-author': 'autoscaler' },
    body: JSON.stringify({ address }),
  });
  process.stdout.write(`${name} on ${address}: ${answer.status}\n`);
}

// Printed once the position is known: nothing that happens after this line is missed.
const from = (await newestPosition()) + 1;
process.stdout.write(`follows the events of ${admin}\n`);
for await (const { stream, data } of wants(from)) {
  // A backend that is starting is enough for now; if it is not, the router asks again.
  if (data.starting === 0) await addBackend(stream.slice('pool-'.length));
}
