/** Who asks for the place of this process, as far as its admin has to do with it. */
import { describe, expect, it } from 'vitest';
import type { Successions } from '../../../src/admin/index.ts';
import { RawClient } from '../../support/raw-client.ts';
import { scene } from '../scene.ts';

/** What was given, and the end of it. */
function witness() {
  const given: string[] = [];
  const over = Promise.withResolvers<void>();
  const successions: Successions = {
    directory: '1:2',
    pid: undefined,
    begin: (pid) => ({
      pid,
      held: [],
      makeRoom: async () => void given.push('room'),
      givePlace: async () => void given.push('place'),
      end: () => over.resolve(),
    }),
  };
  return { given, over: over.promise, successions };
}

function wants(want: string): string {
  const line = `${JSON.stringify({ want })}\n`;
  return `${line.length.toString(16)}\r\n${line}\r\n`;
}

async function asking(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  const fields = ['Host: localhost', 'Content-Type: application/x-ndjson', 'Transfer-Encoding: chunked'];
  client.send(`POST /v1/takeover?pid=4711&directory=1:2 HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
  client.send(wants('room'));
  await client.until(() => client.received.includes('{"given":"room"}'), 'room');
  return client;
}

/** Each turn of the loop takes so long, as where others have the processor. */
function slowTurns(ms: number): () => void {
  let isOver = false;
  const turn = () => {
    for (const until = performance.now() + ms; performance.now() < until; );
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
  };
}

describe('the place of this process', () => {
  it('is given to who waits for it, however little time there is', async () => {
    const { given, over, successions } = witness();
    await using s = await scene({ successions });
    const client = await asking(s.port);
    client.send(wants('place'));
    const stop = slowTurns(30);
    await over;
    stop();
    expect(given).toEqual(['room', 'place']);
    client.close();
  });

  it('is given to nobody who is gone, however little time there is to hear of it', async () => {
    const { given, over, successions } = witness();
    await using s = await scene({ successions });
    const client = await asking(s.port);
    client.send(wants('place'));
    client.socket.destroy();
    const stop = slowTurns(30);
    await over;
    stop();
    expect(given).toEqual(['room']);
  });
});
