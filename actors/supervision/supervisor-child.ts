/** A supervisor as a child of another: it is up when its children are, and gone when they are. */
import type { ChildSpec, Restart } from './child-spec.ts';
import { Supervisor, type SupervisorSpec } from './supervisor.ts';
import type { World } from './world.ts';

export function supervisorChild(
  spec: SupervisorSpec,
  world: World,
  restart: Restart = 'permanent',
): ChildSpec {
  return {
    id: spec.id,
    kind: 'supervisor',
    restart,
    // Its children have their own shutdown times; cutting those short would orphan them.
    shutdownMs: Number.POSITIVE_INFINITY,
    start: async (context) => {
      const supervisor = new Supervisor(spec, world, (end) => context.exited(end));
      const { signal } = context;
      signal.addEventListener('abort', () => {
        void supervisor.stop(signal.reason === 'kill' ? 'kill' : 'shutdown');
      });
      await supervisor.start();
      return supervisor;
    },
  };
}
