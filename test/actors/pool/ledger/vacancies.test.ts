import { describe, expect, it } from 'vitest';
import { Vacancies } from '../../../../actors/pool/ledger/vacancies.ts';

type Seat = { key: number; isEmpty: boolean; isConnected?: boolean };

/** Rows with whoever has or had them, how often one was looked at, and a way to give one. */
function stage(seats: Seat[], capacity = seats.length) {
  let looks = 0;
  const look = (row: number) => {
    looks += 1;
    return seats[row]!;
  };
  const vacancies = new Vacancies({
    rows: () => seats.length,
    capacity: () => capacity,
    isEmpty: (row) => look(row).isEmpty,
    isFree: (row) => look(row).isEmpty && seats[row]!.isConnected !== true,
    keyOf: (row) => look(row).key,
  });
  const give = (key: number) => {
    const row = vacancies.rowFor(key);
    seats[row] = { key, isEmpty: false };
    return row;
  };
  return { seats, vacancies, give, looks: () => looks };
}

const empty = (key: number): Seat => ({ key, isEmpty: true });
const taken = (key: number): Seat => ({ key, isEmpty: false });

describe('the empty rows of a pool', () => {
  it('go to the backend that had them, else the first to who comes, and then one is added', () => {
    const { give } = stage([taken(1), empty(2), empty(3), empty(4)], 5);
    expect([give(3), give(8), give(9), give(10)]).toEqual([2, 1, 3, 4]);
    expect(() => give(11)).toThrow('room for a row');
  });

  it('are the next one’s where their former backend comes too late', () => {
    const { give } = stage([empty(2), empty(3)], 3);
    expect([give(8), give(2), give(3)]).toEqual([0, 1, 2]);
  });

  it('are only the former backend’s while connections to it are open', () => {
    const { give } = stage([{ ...empty(2), isConnected: true }, empty(3)], 3);
    expect([give(8), give(2), give(9)]).toEqual([1, 0, 2]);
  });

  it('are found again where one was emptied meanwhile', () => {
    const { give, seats, vacancies } = stage([taken(1), empty(2)], 3);
    expect(give(2)).toBe(1);
    seats[0] = empty(1);
    vacancies.emptied(0);
    expect(give(8)).toBe(0);
  });

  it('are looked at a few times each, however many there are', () => {
    for (const many of [100, 2000]) {
      const { give, looks } = stage(Array.from({ length: many }, (_, row) => empty(row)));
      for (let key = many; key < 2 * many; key++) give(key);
      expect(looks()).toBeLessThan(6 * many);
    }
  });
});
