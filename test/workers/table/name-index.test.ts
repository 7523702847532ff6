import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Happened, happenedOf, type Recorded } from '../../../eventlog/index.ts';
import { NameIndex } from '../../../src/workers/table/name-index.ts';
import { NameIndexWriter } from '../../../src/workers/table/name-index-writer.ts';
import { fromAnotherThread } from '../../support/packed.ts';

const names = fc
  .integer({ min: 0, max: 400 })
  .map((number) => (number % 7 === 0 ? `*.d${number}.test` : `d${number}.test`));

describe('the index of names', () => {
  it('says what a set would say, to whoever looks, through additions, removals and growth', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(names, fc.boolean()), { maxLength: 600, size: 'max' }),
        fc.nat(3000),
        (changes, more) => {
          const index = new NameIndexWriter(Buffer.alloc(8, 1));
          const eyes = new NameIndex(index.shared);
          const model = new Set<string>();
          for (let number = 0; number < more; number += 1) {
            index.add(`x${number}`);
            model.add(`x${number}`);
          }
          for (const [name, present] of changes) {
            if (present && !model.has(name)) index.add(name);
            if (!present && model.has(name)) index.remove(name);
            if (present) model.add(name);
            else model.delete(name);
            expect(eyes.has(name)).toBe(present);
          }
          expect(eyes.size).toBe(model.size);
          for (const name of model) expect(eyes.has(name)).toBe(true);
          for (let number = 0; number < 100; number += 1) expect(eyes.has(`absent${number}`)).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps two names of one hash apart: when one goes, the other is still there', () => {
    // Every name has the same hash.
    class Colliding extends NameIndexWriter {
      protected override hash(): void {
        this.low = 7;
        this.high = 9;
      }
    }
    const index = new Colliding();
    index.add('a');
    index.add('b');
    index.remove('a');
    expect(index.has('b')).toBe(true);
    index.remove('b');
    expect(index.has('b')).toBe(false);
  });

  it('holds as many names of one hash as fit into a page, and says so when they are more', () => {
    class Alike extends NameIndexWriter {
      protected override hash(text: string): void {
        this.low = 7;
        this.high = text.startsWith('other') ? -1 : 9;
      }
    }
    const index = new Alike();
    for (let number = 0; number < 127; number++) index.add(`x${number}`);
    expect(() => index.add('one more')).toThrow('expected at most 127 names of one hash');
    expect([index.size, index.has('absent'), index.has('other')]).toEqual([127, true, false]);
    index.add('other');
    expect(index.has('other')).toBe(true);
  });

  it('takes less than 20 bytes a name, whatever their number', () => {
    const index = new NameIndexWriter();
    for (let number = 0; number < 200_000; number += 1) {
      index.add(`shop-${number}.example.com`);
      if (number > 20_000 && number % 1000 === 0) expect(index.bytes / number).toBeLessThan(20);
    }
    for (let number = 0; number < 200_000; number += 997) {
      expect(index.has(`shop-${number}.example.com`)).toBe(true);
      expect(index.has(`shop-${number}.example.net`)).toBe(false);
    }
  });

  it.each([
    ['as they are', happenedOf],
    ['packed', (events: readonly Recorded[]) => fromAnotherThread(events)],
  ] satisfies [string, (events: readonly Recorded[]) => Happened][])(
    'is loaded as of a position, and takes only what happened behind it, told of events %s',
    (_how, told) => {
      const index = new NameIndexWriter();
      index.load((visit) => {
        visit('domain-a.test');
        return 5;
      });
      const event = (position: number, type: string, host: string) =>
        ({ position, type, stream: `domain-${host}` }) as unknown as Recorded;
      index.apply(told([event(5, 'DomainCreated', 'a.test'), event(6, 'DomainCreated', 'b.test')]), () => {
        expect(index.lock % 2).toBe(1);
        return 42;
      });
      expect([index.size, index.published, index.lock % 2]).toEqual([2, 42, 0]);
      const more = [
        event(7, 'DomainRemoved', 'a.test'),
        event(8, 'DomainChanged', 'b.test'),
        event(9, 'DomainCreated', 'c.test'),
      ];
      index.apply(told(more), () => 43);
      expect(['a.test', 'b.test', 'c.test'].map((name) => index.has(name))).toEqual([false, true, true]);
      expect(index.size).toBe(2);
    },
  );
});
