/** The supervision tree in numbers: by kind, never by actor, of which there may be as many as domains. */
import type { Census } from '../../actors/index.ts';
import type { Family } from './prometheus.ts';

export function actorFamilies({ kinds }: Census): Family[] {
  return [
    {
      name: 'switchyard_actors',
      type: 'gauge',
      help: 'Actors, by kind and state; workers have the kind worker.',
      samples: [...kinds].flatMap(([kind, { states }]) =>
        Object.entries(states)
          .filter(([, value]) => value > 0)
          .map(([state, value]) => ({ labels: { kind, state }, value })),
      ),
    },
    {
      // A gauge, because the restarts of an actor that ends for good go with it.
      name: 'switchyard_actor_restarts',
      type: 'gauge',
      help: 'Restarts of the actors present now, by kind.',
      samples: [...kinds].map(([kind, { restarts }]) => ({ labels: { kind }, value: restarts })),
    },
  ];
}
