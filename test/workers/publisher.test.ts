import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { type Happened, happenedOf, type Recorded } from '../../eventlog/index.ts';
import { isPacked } from '../../src/workers/publication.ts';
import { Publisher, Subscription } from '../../src/workers/publisher.ts';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

function event(position: number): Recorded {
  return { type: 'DomainRemoved', stream: 'domain-a.test', data: {}, position } as unknown as Recorded;
}

function subscribe(publisher: Publisher, isLost: (happened: Happened) => boolean = () => false) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const applied: number[] = [];
  const lost: number[] = [];
  const seen = publisher.enrol({
    receive: (happened, publication) => isLost(happened) || port1.postMessage(publication()),
  });
  const subscription = new Subscription(
    port2,
    publisher.count,
    seen,
    (publication) => {
      if (!isPacked(publication)) applied.push(...publication.map(({ position }) => position));
      else for (let at = publication.first; at <= publication.last; at++) applied.push(at);
    },
    () => lost.push(applied.length),
  );
  return { subscription, applied, lost };
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
    const positions = Array.from({ length: 1000 }, (_, index) => index + 1);
    publisher.publish(happenedOf(positions.map(event)));
    publisher.publish(happenedOf([event(1001)]));
    subscription.catchUp();
    expect(applied).toEqual([...positions, 1001]);
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

  it('of one that enrols late takes only what comes from then on', () => {
    const publisher = new Publisher();
    publisher.publish(happenedOf([event(1)]));
    const { subscription, applied } = subscribe(publisher);
    subscription.catchUp();
    publisher.publish(happenedOf([event(2)]));
    subscription.catchUp();
    expect(applied).toEqual([2]);
  });
});
