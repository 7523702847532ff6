/** Probes of a simulation's backends, by the rules and the course of the production prober. */
import { keyOf } from '../../actors/pool/ledger/index.ts';
import { type PoolSettings, statusRange } from '../../eventlog/index.ts';
import { nextProbeInMs, ProbeStreak } from '../../src/health/probe-streak.ts';
import type { Chance } from './chance.ts';
import type { Future } from './happening.ts';
import type { Routers } from './routers.ts';
import type { Server } from './server.ts';

type Rules = Exclude<PoolSettings['health']['active'], false>;

export class Probes {
  readonly #rules: Rules;
  readonly #servers: readonly Server[];
  readonly #agenda: Future;
  readonly #chance: Chance;

  constructor(rules: Rules, servers: readonly Server[], agenda: Future, chance: Chance) {
    this.#rules = rules;
    this.#servers = servers;
    this.#agenda = agenda;
    this.#chance = chance;
  }

  begin(): void {
    for (const index of this.#servers.keys()) {
      const course = new ProbeStreak(false);
      this.#agenda.plan(this.#chance.uniform() * this.#rules.intervalMs, { type: 'probe', index, course });
    }
  }

  ask(index: number, course: ProbeStreak, nowMs: number): void {
    const { timeoutMs } = this.#rules;
    const { backend, busy } = this.#servers[index]!;
    const { status, afterMs } = backend.answer({ endpoint: 0, workMs: 0 }, nowMs, busy);
    const isInTime = afterMs <= timeoutMs;
    const heard = { type: 'probed', index, course, status: isInTime ? status : 0 } as const;
    this.#agenda.plan(nowMs + Math.min(afterMs, timeoutMs), heard);
  }

  answered(index: number, course: ProbeStreak, status: number, nowMs: number, routers: Routers): void {
    const { statuses, intervalMs } = this.#rules;
    const { from, to } = statusRange(statuses);
    const isTurned = course.probed(status >= from && status <= to, this.#rules);
    if (isTurned) routers.probed(keyOf(this.#servers[index]!.backend.id), nowMs, course.isFailing);
    const nextMs = nowMs + nextProbeInMs(intervalMs, this.#chance.uniform());
    this.#agenda.plan(nextMs, { type: 'probe', index, course });
  }
}
