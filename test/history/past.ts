/** A writer of histories as the desk writes them: events, and the current row that they fold into. */
import { evolveOwner } from '../../actors/index.ts';
import type { EventLog, Json, StreamName, SwitchyardEvent, Write } from '../../eventlog/index.ts';

export class Past {
  readonly #log: EventLog;
  readonly #owners = new Map<StreamName, { version: number; state: unknown }>();
  #commands = 0;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** One command; resolves to the log's position after it. */
  async happen(...happened: readonly (readonly [stream: string, event: SwitchyardEvent])[]): Promise<number> {
    this.#commands += 1;
    const writes = new Map<StreamName, { expected: number; events: SwitchyardEvent[] }>();
    for (const [name, event] of happened) {
      const stream = name as StreamName;
      const owner = this.#owners.get(stream) ?? { version: 0, state: null };
      const write = writes.get(stream) ?? { expected: owner.version, events: [] };
      write.events.push(event);
      writes.set(stream, write);
      const version = owner.version + 1;
      this.#owners.set(stream, { version, state: evolveOwner(stream, owner.state, { ...event, version }) });
    }
    const appended = await this.#log.append({
      commandId: `command-${this.#commands}`,
      digest: `digest-${this.#commands}`,
      author: 'historian',
      answer: null,
      writes: [...writes].map(
        ([stream, { expected, events }]): Write => ({
          stream,
          expected,
          events,
          current: this.#owners.get(stream)?.state as Json,
        }),
      ),
    });
    if (appended.type !== 'appended') throw new Error(`expected it to be appended, found ${appended.type}`);
    return appended.position;
  }

  state(stream: string): unknown {
    return this.#owners.get(stream as StreamName)?.state ?? null;
  }
}

/** Pools `pool-0` and on, one event each. */
export async function withPools(log: EventLog, count: number): Promise<Past> {
  const past = new Past(log);
  for (let index = 0; index < count; index++) {
    await past.happen([
      `pool-p${index}`,
      { type: 'PoolCreated', data: { settings: { maxConcurrency: index + 1 } } },
    ]);
  }
  return past;
}
