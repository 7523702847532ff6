/**
 * Which actors of one XState system are alive. XState stops the children of a machine within a transition. If the
 * transition throws, they go on running, and nothing public but inspection names them.
 */
import type { ActorRefLike, InspectionEvent } from 'xstate';

export class LiveActors {
  readonly #live = new Set<ActorRefLike>();

  inspect(event: InspectionEvent): void {
    switch (event.type) {
      case '@xstate.actor':
        this.#live.add(event.actorRef);
        return;
      case '@xstate.snapshot':
        if (event.snapshot.status !== 'active') this.#live.delete(event.actorRef);
        return;
      case '@xstate.event':
        // One that threw shows no last snapshot, but its parent is told.
        if (event.sourceRef !== undefined && event.event.type.startsWith('xstate.error.actor.')) {
          this.#live.delete(event.sourceRef);
        }
        return;
      default:
        return;
    }
  }

  /** Stops the last made first. */
  stopChildrenOf(root: ActorRefLike): void {
    const left = [...this.#live].filter((actor) => actor !== root).reverse();
    this.#live.clear();
    // `stop` is only for roots; this event is what it sends, and what a parent sends to its children.
    for (const actor of left) actor.send({ type: 'xstate.stop' });
  }
}
