import { describe, expect, it } from 'vitest';
import { parseRouting, type Routing, routingJson } from '../../../src/config/index.ts';
import { shortened, undoing } from '../../../src/history/undo/undoing.ts';

describe('undoing', () => {
  const of = (pools: object, domains: object): Routing => {
    const parsed = parseRouting({ pools, domains }, { listeners: [], local: [] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed));
    return parsed.value;
  };
  const address = (port: number) => ({ address: `127.0.0.1:${port}` });
  const undo = (before: Routing, after: Routing, now: Routing) => {
    const { routing, left } = undoing({ before, after, now, all: now });
    return { ...(routingJson(routing) as { pools: object; domains: object }), left };
  };

  it('is exactly the former where nothing came in between, and nothing where all was changed again', () => {
    const before = of(
      { web: { backends: { a: address(1), b: address(2) } } },
      { 'x.example': { pool: 'web' } },
    );
    const after = of({ web: { policy: 'random', backends: { a: address(3) } }, new: {} }, {});
    expect(undo(before, after, after)).toEqual({ ...routingJson(before), left: [] });
    const again = of(
      { web: { policy: 'p2c', backends: {} } },
      { 'x.example': { pool: 'web', maxInFlight: 1 } },
    );
    expect(undo(before, after, again)).toEqual({
      ...routingJson(
        of(
          { web: { policy: 'p2c', backends: { b: address(2) } } },
          { 'x.example': { pool: 'web', maxInFlight: 1 } },
        ),
      ),
      left: expect.arrayContaining(['pool web was changed since', 'backend web/a was changed since']),
    });
  });

  it('tells a backend from its pool, and one backend from another', () => {
    const before = of({ web: { backends: { a: address(1), b: address(2) } } }, {});
    const after = of({ web: { policy: 'random', backends: { a: address(1) } } }, {});
    const now = of({ web: { policy: 'random', backends: { a: address(9), c: address(3) } } }, {});
    expect(undo(before, after, now)).toEqual({
      ...routingJson(of({ web: { backends: { a: address(9), b: address(2), c: address(3) } } }, {})),
      left: [],
    });
  });

  it('leaves a domain alone whose former pool is gone, and with it the pool that it has now', () => {
    const before = of({ old: {} }, { 'x.example': { pool: 'old' } });
    const after = of({ old: {}, new: {} }, { 'x.example': { pool: 'new' } });
    const now = of({ new: {} }, { 'x.example': { pool: 'new' } });
    expect(undo(before, after, now)).toEqual({
      ...routingJson(now),
      left: [
        'domain x.example would name pool old, which does not exist any more',
        'pool new serves x.example now',
      ],
    });
  });

  it('keeps a new pool that somebody gave a backend, and does not make one that somebody took away', () => {
    const some = of({ new: { backends: { a: address(1) } } }, {});
    const more = of({ new: { backends: { a: address(1), b: address(2) } } }, {});
    expect(undo(of({}, {}), some, more)).toEqual({ ...routingJson(more), left: expect.any(Array) });
    expect(undo(more, some, of({}, {}))).toEqual({ pools: {}, domains: {}, left: expect.any(Array) });
  });

  it('gives a pool that was made anew since none of the backends of the one that was removed', () => {
    const before = of(
      { web: { backends: { a: address(1), b: address(2) } } },
      { 'x.example': { pool: 'web' } },
    );
    const now = of({ web: { backends: { b: address(3), c: address(4) } } }, {});
    expect(undo(before, of({}, {}), now)).toEqual({
      pools: (routingJson(now) as { pools: object }).pools,
      domains: { 'x.example': { pool: 'web' } },
      left: ['backend web/a was changed since', 'backend web/b was changed since'],
    });
  });

  it('tells twenty that stay, and of more how many', () => {
    const left = Array.from({ length: 22 }, (_, at) => `pool p${at} was changed since`);
    expect(shortened(left.slice(0, 20))).toEqual(left.slice(0, 20));
    expect(shortened(left)).toEqual([...left.slice(0, 20), 'and 2 more']);
  });
});
