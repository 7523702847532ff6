/**
 * Whose turn it is: a mailbox per key, in order of arrival, shared by readers and exclusive to a writer.
 *
 * One call asks for all its keys in the same instant, so that any two calls stand in the same order in every
 * mailbox they share; hence they cannot wait for one another.
 */
export type Turn = { readonly key: string; readonly mode: 'read' | 'write' };

type Waiter = { missing: number; readonly start: () => void };
type Mailbox = {
  readonly holders: Set<Waiter>;
  writing: boolean;
  readonly waiting: { waiter: Waiter; mode: Turn['mode'] }[];
};

export class Turns {
  readonly #mailboxes = new Map<string, Mailbox>();

  /** Runs `work` when it is its turn on every key; a key may be named once. */
  async take<T>(turns: readonly Turn[], work: () => Promise<T>): Promise<T> {
    const waiter = await this.#enter(turns);
    try {
      return await work();
    } finally {
      for (const turn of turns) this.#leave(turn.key, waiter);
    }
  }

  /** How many calls wait for, or hold, a turn on this key. */
  depth(key: string): number {
    const mailbox = this.#mailboxes.get(key);
    return mailbox === undefined ? 0 : mailbox.holders.size + mailbox.waiting.length;
  }

  #enter(turns: readonly Turn[]): Promise<Waiter> {
    return new Promise((resolve) => {
      const waiter: Waiter = { missing: turns.length, start: () => resolve(waiter) };
      if (turns.length === 0) waiter.start();
      for (const turn of turns) this.#ask(turn, waiter);
    });
  }

  #ask({ key, mode }: Turn, waiter: Waiter): void {
    let mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined) {
      mailbox = { holders: new Set(), writing: false, waiting: [] };
      this.#mailboxes.set(key, mailbox);
    }
    mailbox.waiting.push({ waiter, mode });
    admit(mailbox);
  }

  #leave(key: string, waiter: Waiter): void {
    const mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined) return;
    mailbox.holders.delete(waiter);
    if (mailbox.holders.size === 0) mailbox.writing = false;
    if (mailbox.holders.size === 0 && mailbox.waiting.length === 0) this.#mailboxes.delete(key);
    else admit(mailbox);
  }
}

function admit(mailbox: Mailbox): void {
  for (;;) {
    const next = mailbox.waiting[0];
    if (next === undefined || mailbox.writing) return;
    if (next.mode === 'write' && mailbox.holders.size > 0) return;
    mailbox.waiting.shift();
    mailbox.writing = next.mode === 'write';
    mailbox.holders.add(next.waiter);
    next.waiter.missing -= 1;
    if (next.waiter.missing === 0) next.waiter.start();
  }
}
