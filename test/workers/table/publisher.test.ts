import { MessageChannel, type MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type Happened, happenedOf, type Recorded } from '../../../eventlog/index.ts';
import { isPacked, type Publication } from '../../../src/workers/table/publication.ts';
import {
  createPublicationCount,
  Publisher,
  type Receiver,
  Subscription,
} from '../../../src/workers/table/publisher.ts';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

// As many as the board has places for.
const PLACES = 64;
// Behind it the count of publications wraps around, and is negative.
const COUNT_END = 2 ** 31 - 10;

function event(position: number, stream = 'pool-web'): Recorded {
  return { type: 'PoolRemoved', stream, data: {}, position } as unknown as Recorded;
}

function changeOfDomain(position: number, text = ''): Happened {
  const data = { settings: { pool: 'web', text } };
  return happenedOf([
    { type: 'DomainChanged', stream: 'domain-a.test', data, position } as unknown as Recorded,
  ]);
}

function subscribe(
  publisher: Publisher,
  isLost: (happened: Happened) => boolean = () => false,
  took: (publication: Publication) => void = () => {},
) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const applied: number[] = [];
  const lost: number[] = [];
  const posted: Publication[] = [];
  const seen = createPublicationCount();
  const receiver: Receiver = {
    seen,
    receive: (happened, publication) => {
      if (isLost(happened)) return;
      posted.push(publication());
      port1.postMessage(publication());
    },
  };
  publisher.enrol(receiver);
  const subscription = new Subscription(
    { port: port2, board: publisher.board.shared, count: publisher.count, seen },
    (publication) => {
      if (!isPacked(publication)) applied.push(...publication.map(({ position }) => position));
      else for (let at = publication.first; at <= publication.last; at++) applied.push(at);
      took(publication);
    },
    () => lost.push(applied.length),
  );
  return { subscription, applied, lost, posted, receiver };
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

describe('the fence', () => {
  it('applies all that was published before it, without a turn of the loop', () => {
    const publisher = new Publisher();
    const { subscription, applied } = subscribe(publisher);
    publisher.publish(happenedOf([event(1), event(2)]));
    publisher.publish(happenedOf([event(3)]));
    expect(applied).toEqual([]);
    subscription.catchUp();
    expect(applied).toEqual([1, 2, 3]);
  });

  it('applies the events of a bulk, which come as text', () => {
    const publisher = new Publisher();
    const { subscription, applied } = subscribe(publisher);
    publisher.publish(happenedOf(upTo(1000).map((position) => event(position))));
    publisher.publish(happenedOf([event(1001)]));
    subscription.catchUp();
    expect(applied).toEqual(upTo(1001));
  });

  it('applies nothing twice, whether the fence or the loop took it', async () => {
    const publisher = new Publisher();
    const { subscription, applied } = subscribe(publisher);
    publisher.publish(happenedOf([event(1)]));
    subscription.catchUp();
    publisher.publish(happenedOf([event(2)]));
    await expect.poll(() => applied).toEqual([1, 2]);
    subscription.catchUp();
    publisher.publish(happenedOf([event(3)]));
    subscription.catchUp();
    expect(applied).toEqual([1, 2, 3]);
  });

  it('notices what was published and did not come, and goes on behind it', () => {
    const publisher = new Publisher();
    const { subscription, applied, lost } = subscribe(publisher, ({ first }) => first === 2);
    for (const position of [1, 2]) publisher.publish(happenedOf([event(position)]));
    subscription.catchUp();
    expect([applied, lost]).toEqual([[1], [1]]);
    subscription.catchUp();
    publisher.publish(happenedOf([event(3)]));
    subscription.catchUp();
    expect([applied, lost]).toEqual([[1, 3], [1]]);
  });

  it('looks for what was counted when it was called, and not for what is counted while it looks', () => {
    const publisher = new Publisher();
    const { subscription, applied, lost } = subscribe(publisher, undefined, (publication) => {
      if (!isPacked(publication) && publication[0]?.position === 1) publisher.publish(happenedOf([event(2)]));
    });
    publisher.publish(happenedOf([event(1)]));
    subscription.catchUp();
    expect([applied, lost]).toEqual([[1], []]);
    subscription.catchUp();
    expect([applied, lost]).toEqual([[1, 2], []]);
  });

  it('waits for what comes next also where it took one before that was counted', () => {
    const publisher = new Publisher();
    const { subscription, applied } = subscribe(publisher);
    publisher.publish(changeOfDomain(1));
    publisher.board.pin(2, 1, changeOfDomain(2));
    subscription.catchUp();
    expect(applied).toEqual([1, 2]);
    const beganMs = performance.now();
    subscription.await(20);
    expect(performance.now() - beganMs).toBeGreaterThan(19);
  });

  it('of one that enrols late takes only what comes from then on', () => {
    const publisher = new Publisher();
    publisher.publish(happenedOf([event(1)]));
    const { subscription, applied, lost } = subscribe(publisher);
    subscription.catchUp();
    publisher.publish(happenedOf([event(2)]));
    subscription.catchUp();
    expect([applied, lost]).toEqual([[2], []]);
  });
});

describe('a change of a domain', () => {
  it('is read before the next request, and wakes nobody', async () => {
    const publisher = new Publisher();
    const { subscription, applied, posted } = subscribe(publisher);
    publisher.publish(changeOfDomain(1));
    publisher.publish(changeOfDomain(2, 'ü€🚏'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([applied, posted]).toEqual([[], []]);
    subscription.catchUp();
    expect([applied, posted]).toEqual([[1, 2], []]);
  });

  it('that nobody has read is read first, when the loop takes one of a pool', async () => {
    const publisher = new Publisher();
    const { applied } = subscribe(publisher);
    publisher.publish(changeOfDomain(1));
    publisher.publish(happenedOf([event(2)]));
    await expect.poll(() => applied).toEqual([1, 2]);
  });

  it('is posted when it is too long for the board, or has to do with a pool too', () => {
    const publisher = new Publisher();
    const { subscription, applied, posted } = subscribe(publisher);
    const room = 2048 - JSON.stringify(changeOfDomain(1).events).length;
    publisher.publish(changeOfDomain(1, 'x'.repeat(room)));
    expect(posted).toEqual([]);
    publisher.publish(changeOfDomain(2, 'x'.repeat(room + 1)));
    publisher.publish(happenedOf([event(3, 'domain-b.test'), event(4)]));
    publisher.publish(changeOfDomain(5));
    subscription.catchUp();
    expect([applied, posted.length]).toEqual([[1, 2, 3, 4, 5], 2]);
  });

  it('is sent to who reads no board, beside somebody who does', () => {
    const publisher = new Publisher();
    subscribe(publisher);
    const received: number[] = [];
    publisher.enrol({ receive: ({ first }) => received.push(first) });
    publisher.publish(changeOfDomain(1));
    expect(received).toEqual([1]);
  });

  it('is posted when the board is full, so that who is idle wakes and reads all of it', async () => {
    const publisher = new Publisher();
    const idle = subscribe(publisher);
    for (const position of upTo(PLACES + 2)) publisher.publish(changeOfDomain(position));
    await expect.poll(() => idle.applied).toEqual(upTo(PLACES + 2));
    expect(idle.posted.flat()).toMatchObject([{ position: PLACES + 1 }, { position: PLACES + 2 }]);
    publisher.publish(changeOfDomain(PLACES + 3));
    expect(idle.posted).toHaveLength(2);
  });

  it('waits for nobody who was dismissed, and is not told to him', () => {
    const publisher = new Publisher();
    const [left, reads] = [subscribe(publisher), subscribe(publisher)];
    publisher.dismiss(left.receiver);
    for (const position of upTo(PLACES + 2)) {
      publisher.publish(changeOfDomain(position));
      reads.subscription.catchUp();
    }
    publisher.publish(happenedOf([event(PLACES + 3)]));
    expect([reads.posted.length, left.posted.length]).toEqual([1, 0]);
  });

  it('is there for everybody, however far each has read', () => {
    const step = fc.record({
      what: fc.constantFrom('domain', 'pool', 'first reads', 'second reads'),
      times: fc.integer({ min: 1, max: PLACES + 6 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(0, COUNT_END),
        fc.array(step, { maxLength: 30, size: 'max' }),
        (count, steps) => {
          const publisher = new Publisher();
          Atomics.store(publisher.count, 0, count);
          const readers = [subscribe(publisher), subscribe(publisher)] as const;
          let last = 0;
          for (const { what, times } of steps) {
            if (what === 'first reads') readers[0].subscription.catchUp();
            else if (what === 'second reads') readers[1].subscription.catchUp();
            else if (what === 'pool') publisher.publish(happenedOf([event(++last)]));
            else for (let time = 0; time < times; time++) publisher.publish(changeOfDomain(++last));
          }
          for (const { subscription, applied, lost } of readers) {
            subscription.catchUp();
            expect([applied, lost]).toEqual([upTo(last), []]);
          }
          for (const port of ports.splice(0)) port.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});
