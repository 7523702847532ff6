import { describe, expect, it } from 'vitest';
import { dieEverywhere, failEverywhere } from './crash.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Mutant } from './world.ts';

describe('a thread that dies half-way', () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    it(`leaves the pool exact at each step when it ${name}`, async () => {
      expect(await dieEverywhere(scenario)).toBeGreaterThan(5);
    });
  }
});

describe('a thread that fails half-way and lives on', () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    it(`leaves the pool as at its last commit, and open to others, when it ${name}`, async () => {
      expect(await failEverywhere(scenario)).toBeGreaterThan(0);
    });
  }
});

describe('these tests find what is wrong with a ledger that has', () => {
  const mutants: readonly Mutant[] = [
    'no rollback',
    'ring head outside the undo list',
    'unlocked node read',
    'no ring after a death',
  ];
  for (const mutant of mutants) {
    it(mutant, async () => {
      const found: string[] = [];
      for (const [name, scenario] of Object.entries(SCENARIOS)) {
        await dieEverywhere(scenario, mutant).catch((error: Error) =>
          found.push(`${name}: ${error.message}`),
        );
      }
      expect(found).not.toEqual([]);
    });
  }
});
