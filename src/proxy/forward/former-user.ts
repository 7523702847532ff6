/** The user of a connection whose request went to another backend: only the end of the connection still matters. */
import type { ConnectionUser } from '../upstream/connection.ts';

export class FormerUser implements ConnectionUser {
  readonly isUnderWay = false;
  readonly #giveBack: () => void;
  readonly #crashed: (error: unknown) => void;

  /** `giveBack` returns the lease that the connection was used with; called once. */
  constructor(giveBack: () => void, crashed: (error: unknown) => void) {
    this.#giveBack = giveBack;
    this.#crashed = crashed;
  }

  connected(): void {}
  received(): void {}
  backendEnded(): void {}
  backendDrained(): void {}
  stop(): void {}

  connectFailed(): void {
    this.#giveBack();
  }

  backendClosed(): void {
    this.#giveBack();
  }

  crashed(error: unknown): void {
    this.#crashed(error);
  }
}
