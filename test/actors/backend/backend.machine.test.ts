import { describe, expect, it } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import { backendMachine, type HealthNews } from '../../../actors/backend/backend.machine.ts';

function started() {
  const clock = new SimulatedClock();
  const recorded: unknown[] = [];
  const actor = createActor(backendMachine, {
    clock,
    input: {
      quarantine: { cause: 'connect_refused', untilMs: 0 },
      health: { ejections: [], probes: 'passing' },
      now: () => clock.now(),
      record: (cause, untilMs) => recorded.push({ cause, untilMs }),
      recordHealth: ({ ejections, probes }, withheld) =>
        recorded.push({ out: ejections.map(({ route }) => route), probes, withheld }),
    },
  }).start();
  const learn = (news: HealthNews) => actor.send({ type: 'learnt', news });
  return { clock, recorded, actor, learn };
}

const EJECTED = { type: 'ejected', route: '', untilMs: 5000, level: 1 } as const;

describe('what is recorded of a backend’s health', () => {
  it('is said at once, and then the last state, once a second', () => {
    const { clock, recorded, learn } = started();
    learn(EJECTED);
    learn({ type: 'returned', route: '' });
    learn({ ...EJECTED, route: 'r' });
    expect(recorded).toEqual([{ out: [''], probes: 'passing', withheld: [] }]);
    clock.increment(1000);
    expect(recorded.slice(1)).toEqual([{ out: ['r'], probes: 'passing', withheld: [] }]);
  });

  it('says of an ejection that is withheld over and over so once a minute', () => {
    const { clock, recorded, learn } = started();
    for (let i = 0; i < 120; i++) {
      learn({ type: 'withheld', route: '' });
      clock.increment(1000);
    }
    expect(recorded).toHaveLength(2);
    learn({ type: 'withheld', route: 'r' });
    expect(recorded.at(-1)).toEqual({ out: [], probes: 'passing', withheld: ['r'] });
  });

  it('has of refused connects the last end, once a second', () => {
    const { clock, recorded, actor } = started();
    for (let i = 0; i < 30; i++) {
      actor.send({ type: 'connect failed', cause: 'connect_refused', untilMs: clock.now() + 5000 });
      clock.increment(100);
    }
    expect(recorded).toHaveLength(3);
  });
});
