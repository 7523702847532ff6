/**
 * The names behind the ledger's numbers: as the pool's owner knew them then, otherwise as the journal recorded them.
 */
import { keyOf, type Look, type PoolState } from '../../../actors/index.ts';
import { type JournalReader, renderTime } from '../../../eventlog/index.ts';
import type { NamedCandidate, Sight } from './story.ts';

export class Names {
  readonly #journal: JournalReader;
  readonly #backends = new Map<number, { readonly id: string; readonly address: string }>();

  constructor(journal: JournalReader, state: PoolState) {
    this.#journal = journal;
    for (const [id, { backend }] of Object.entries(state?.backends ?? {}))
      this.#backends.set(keyOf(id), { id, address: backend.address });
  }

  of(key: number): string {
    return this.#backends.get(key)?.id ?? this.#journal.nameOf(key) ?? `backend ${key}`;
  }

  sight({ candidates, policy, picked, measure, draws, waiting, maxWaiting }: Look): Sight {
    return {
      policy,
      measure,
      picked: picked === null ? null : this.of(picked),
      draws,
      waiting,
      maxWaiting,
      candidates: candidates.map((candidate) => this.#named(candidate)),
    };
  }

  #named({ backendKey, untilMs, ...rest }: Look['candidates'][number]): NamedCandidate {
    return {
      backend: this.of(backendKey),
      address: this.#backends.get(backendKey)?.address ?? null,
      until: untilMs === null ? null : renderTime(untilMs),
      ...rest,
    };
  }
}
