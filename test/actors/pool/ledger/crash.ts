/** Kills a thread at the n-th step of a scenario, has it reaped, and looks whether everything is as if by one who lives. */
import assert from 'node:assert/strict';
import { LedgerBusy } from '../../../../actors/pool/ledger/index.ts';
import { NODE_STATE } from '../../../../actors/pool/ledger/memory/layout.ts';
import type { Scenario } from './scenarios.ts';
import { backend, Died, defineWeb, Failed, type Mutant, type TestWaiter, WEB, web, world } from './world.ts';

const LATER = 1000;

/** Says whether the victim died: it does not when it had fewer steps to do. */
export async function dieAt(scenario: Scenario, steps: number, mutant?: Mutant): Promise<boolean> {
  const stage = world(mutant === undefined ? {} : { mutant });
  const victim = stage.thread();
  const other = stage.thread();
  const { waiters, leases, act } = await scenario(stage, victim, other);
  stage.hear(other);
  victim.section.stepsLeft = steps;
  const died = diedIn(act);
  victim.section.dead = true;
  // What the others do before the death is known: they leave, or find the lock held and go on after the reaping.
  for (const waiter of waiters) if (waiter.place !== 0) tryToLeave(waiter);
  await stage.main.reap(victim.number, LATER);
  stage.hear(other);
  assertAllTold(waiters);
  if (stage.main.pool(WEB) !== undefined) {
    stage.verify(WEB);
    finish();
  }
  const model = stage.verify(WEB);
  assert.equal(model.queue.length, 0, 'nobody waits in the end');
  for (const row of model.rows.values()) assert.equal(row.leases.size, 0, 'nothing is leased in the end');
  return died;

  function tryToLeave(waiter: TestWaiter): void {
    try {
      const answer = web(other).leave(waiter, LATER);
      if (typeof answer === 'object') leases.push(answer);
    } catch (error) {
      if (!(error instanceof LedgerBusy)) throw error;
    }
  }

  /** Everyone gives back what they have until nothing is left. */
  function finish(): void {
    for (let round = 0; round < 10; round++) {
      web(other).expire(LATER);
      for (const waiter of waiters) {
        if (waiter.lease?.open) web(other).checkin(waiter.lease, LATER, 'finished');
        else if (waiter.place !== 0 && round === 5)
          assert.equal(typeof web(other).leave(waiter, LATER), 'string');
      }
      for (const lease of leases) if (lease.open) web(other).checkin(lease, LATER, 'finished');
      stage.hear(other);
    }
  }

  /** After the bells were heard, nobody is granted something and does not know it. */
  function assertAllTold(all: readonly TestWaiter[]): void {
    const granted = all.filter((waiter) => waiter.place !== 0).map((waiter) => waiter.place);
    for (const place of granted) {
      assert.equal(stage.section.words[place], NODE_STATE.waiting, 'who was granted a slot was told');
    }
  }
}

/** Dies at every step; says how many there were. */
export async function dieEverywhere(scenario: Scenario, mutant?: Mutant): Promise<number> {
  let steps = 0;
  while (await dieAt(scenario, steps, mutant)) steps += 1;
  return steps;
}

/** Fails at a write and lives on for a while: what it did since its last commit is undone, and the others are let in. */
export async function failAt(scenario: Scenario, writes: number): Promise<boolean> {
  const stage = world();
  const victim = stage.thread();
  const { act } = await scenario(stage, victim, stage.thread());
  victim.section.writesLeft = writes;
  const failed = failedIn(act);
  stage.verifyState(WEB);
  await defineWeb(stage, [backend('z')]);
  await stage.main.reap(victim.number, LATER);
  stage.verifyState(WEB);
  return failed;
}

/** Fails at every write; says how many there were. */
export async function failEverywhere(scenario: Scenario): Promise<number> {
  let writes = 0;
  while (await failAt(scenario, writes)) writes += 1;
  return writes;
}

function failedIn(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof Failed) return true;
    throw error;
  }
}

function diedIn(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof Died) return true;
    throw error;
  }
}
