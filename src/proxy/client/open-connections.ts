/** The open client connections of one worker: operations on all of them, and waiting until there is none. */
import type { ClientConnection } from './client-connection.ts';

export class OpenConnections {
  readonly #open = new Set<ClientConnection>();
  readonly #waiting: (() => void)[] = [];

  get size(): number {
    return this.#open.size;
  }

  add(connection: ClientConnection): void {
    this.#open.add(connection);
  }

  left(connection: ClientConnection): void {
    this.#open.delete(connection);
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** A connection with a request in progress, if there is one. */
  busy(): ClientConnection | undefined {
    for (const connection of this.#open) if (connection.isBusy) return connection;
    return undefined;
  }

  closeIdle(): void {
    for (const connection of this.#open) if (!connection.isBusy) connection.close();
  }

  /** Ends all connections at once. Returns how many had a request in progress. */
  cut(): number {
    let busy = 0;
    for (const connection of this.#open) {
      if (connection.isBusy) busy++;
      connection.stop('forced_close');
    }
    return busy;
  }

  /** Resolves when none is open. */
  gone(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
