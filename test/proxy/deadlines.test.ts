import { describe, expect, it } from 'vitest';
import { Deadline, Deadlines } from '../../src/proxy/deadlines.ts';
import { eventually } from '../support/eventually.ts';
import { GET, routed } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

function wheel(startMs = 1_000_000) {
  let nowMs = startMs;
  const failures: unknown[] = [];
  const deadlines = new Deadlines(
    () => nowMs,
    (error) => failures.push(error),
    100,
  );
  const fired: [string, number][] = [];
  const deadline = (name: string): Deadline => new Deadline((atMs) => fired.push([name, atMs - startMs]));
  /** Time passes in steps, the wheel turning at each. */
  const pass = (durationMs: number, stepMs = 100): void => {
    const untilMs = nowMs + durationMs;
    while (nowMs < untilMs) {
      nowMs = Math.min(untilMs, nowMs + stepMs);
      deadlines.turn();
    }
  };
  return { deadlines, failures, fired, deadline, pass, at: (durationMs: number) => startMs + durationMs };
}

describe('a deadline', () => {
  it('fires within a tick after it has passed, never before', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    for (const after of [1, 99, 100, 101, 250, 5000]) deadlines.set(deadline(`${after}`), at(after));
    pass(6000, 7);
    expect(fired.map(([name]) => Number(name))).toEqual([1, 99, 100, 101, 250, 5000]);
    for (const [name, firedAt] of fired) {
      expect(firedAt).toBeGreaterThanOrEqual(Number(name));
      expect(firedAt).toBeLessThan(Number(name) + 100 + 7);
    }
  });

  it('set later again and again fires once, at the last', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    const one = deadline('one');
    for (let i = 0; i < 50; i++) {
      deadlines.set(one, at(i * 100 + 500));
      pass(100);
    }
    expect(fired).toEqual([]);
    pass(1000);
    expect(fired).toEqual([['one', 5400]]);
  });

  it('set earlier fires earlier', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    const one = deadline('one');
    deadlines.set(one, at(60_000));
    deadlines.set(one, at(200));
    pass(300);
    expect(fired.length).toBe(1);
    pass(70_000);
    expect(fired.length).toBe(1);
  });

  it('cleared or removed does not fire, and can be set again', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    const [cleared, removed] = [deadline('cleared'), deadline('removed')];
    deadlines.set(cleared, at(100));
    deadlines.set(removed, at(100));
    deadlines.clear(cleared);
    deadlines.remove(removed);
    pass(500);
    expect(fired).toEqual([]);
    deadlines.set(cleared, at(600));
    deadlines.set(removed, at(700));
    pass(500);
    expect(fired.map(([name]) => name)).toEqual(['cleared', 'removed']);
  });

  it('that has passed when it is set fires at the next turn', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    pass(5000);
    for (const after of [0, 3000, 4900, 5000]) deadlines.set(deadline(`${after}`), at(after));
    expect(fired).toEqual([]);
    pass(100);
    expect(fired.map(([name]) => name)).toEqual(['0', '3000', '4900', '5000']);
  });

  it('further away than the wheel is round fires at its time', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    deadlines.set(deadline('far'), at(1_000_000));
    pass(999_900);
    expect(fired).toEqual([]);
    pass(100);
    expect(fired.length).toBe(1);
  });

  it('after a long stall fires all the same, and those not due stay', () => {
    const { deadlines, fired, deadline, pass, at } = wheel();
    for (let i = 1; i <= 100; i++) deadlines.set(deadline(`${i}`), at(i * 10_000));
    pass(500_000, 500_000);
    expect(fired.length).toBe(50);
    pass(500_000, 250_000);
    expect(fired.length).toBe(100);
  });

  it('that throws is told, and keeps no other from firing', () => {
    const { deadlines, failures, fired, deadline, pass, at } = wheel();
    const mistake = new Error('of this test');
    const failing = new Deadline(() => {
      deadlines.set(failing, at(400));
      throw mistake;
    });
    deadlines.set(deadline('before'), at(100));
    deadlines.set(failing, at(100));
    deadlines.set(deadline('behind'), at(100));
    pass(200);
    expect([fired.map(([name]) => name), failures]).toEqual([['before', 'behind'], [mistake]]);
    pass(200);
    expect(failures).toEqual([mistake, mistake]);
  });

  it('may be set, moved and removed by one that fires', () => {
    const { deadlines, fired, pass, at, deadline } = wheel();
    const second = deadline('second');
    const third = deadline('third');
    const first = new Deadline(() => {
      deadlines.set(second, at(400));
      deadlines.remove(third);
      if (fired.length === 0) deadlines.set(first, at(300));
      fired.push(['first', 0]);
    });
    deadlines.set(first, at(100));
    deadlines.set(second, at(100));
    deadlines.set(third, at(100));
    pass(250);
    expect(fired).toEqual([['first', 0]]);
    pass(300);
    expect(fired.map(([name]) => name)).toEqual(['first', 'first', 'second']);
  });
});

describe('a loop that stood still for longer than a deadline', () => {
  it('does not blame a backend whose answer came meanwhile', async () => {
    const { standStill, now } = stoppedClock();
    const { router, backend } = await routed(undefined, { pool: { timeouts: { firstByteMs: 80 } }, now });
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send(ok('in time'));
    standStill(300);
    expect(await client.response()).toMatchObject({ status: 200, body: 'in time' });
  });

  it('does not blame a client whose body came meanwhile', async () => {
    const listener = { timeouts: { bodyIdleMs: 80 } };
    const { standStill, now } = stoppedClock();
    const { router, backend } = await routed(undefined, { listener, now });
    const client = await router.connect();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\n\r\nha');
    const connection = await backend.accept();
    await connection.receives('ha');
    client.send('lf');
    standStill(300);
    expect((await connection.takeRequest()).body).toBe('half');
    connection.send(ok());
    expect(await client.response()).toMatchObject({ status: 200 });
  });
});

describe('the wheel', () => {
  it('judges by the time before the reads, where these stand still', async () => {
    let nowMs = 1000;
    const deadlines = new Deadlines(
      () => nowMs,
      () => {},
      20,
    );
    const order: string[] = [];
    const deadline = new Deadline(() => void order.push('out of time'));
    deadlines.set(deadline, nowMs + 60);
    deadlines.start();
    // Behind the wheel's own timer, in the same phase of the loop.
    const timer = setInterval(() => {
      clearInterval(timer);
      nowMs += 150;
      setImmediate(() => order.push('reads'));
    }, 20);
    await eventually(() => order.length === 2, 'both');
    deadlines.stop();
    expect(order).toEqual(['reads', 'out of time']);
  });
});

/** Time passes only while this thread stands still, in which nothing of it goes on. */
function stoppedClock() {
  let nowMs = 1_000_000_000_000;
  const standStill = (ms: number): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    nowMs += ms;
  };
  return { now: () => nowMs, standStill };
}
