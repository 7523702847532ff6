/** The supervision tree in numbers: by kind, never by actor, of which there may be as many as domains. */
import type { Family } from './prometheus.ts';

export type CountedActor = {
  readonly kind: string;
  readonly state: string;
  readonly restarts: number;
};

export function actorFamilies(actors: Iterable<CountedActor>): Family[] {
  const present = new Map<string, number>();
  const restarts = new Map<string, number>();
  for (const { kind, state, restarts: again } of actors) {
    const key = `${kind}\n${state}`;
    present.set(key, (present.get(key) ?? 0) + 1);
    restarts.set(kind, (restarts.get(kind) ?? 0) + again);
  }
  return [
    {
      name: 'switchyard_actors',
      type: 'gauge',
      help: 'Actors by kind and state; workers are the kind worker.',
      samples: [...present].map(([key, value]) => ({ labels: kindAndState(key), value })),
    },
    {
      // A gauge: the restarts of an actor that ends for good leave with it.
      name: 'switchyard_actor_restarts',
      type: 'gauge',
      help: 'Restarts of the actors that are present, by kind.',
      samples: [...restarts].map(([kind, value]) => ({ labels: { kind }, value })),
    },
  ];
}

function kindAndState(key: string) {
  const [kind = '', state = ''] = key.split('\n');
  return { kind, state };
}
