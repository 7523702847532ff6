/**
 * Whose turn it is: a mailbox per key, in order of arrival, shared by readers and exclusive for a writer.
 *
 * A call enters the mailboxes of all its keys in the same instant. So any two calls are in the same order in every mailbox
 * they share, and cannot wait for one another.
 */
export type Turn = { readonly key: string; readonly mode: 'read' | 'write' };

type Waiter = { missing: number; readonly start: () => void };
type Mailbox = {
  holders: number;
  writing: boolean;
  readonly waiting: { waiter: Waiter; mode: Turn['mode'] }[];
};

export class Turns {
  readonly #mailboxes = new Map<string, Mailbox>();

  /** Runs `work` when it has its turn on every key. A key may be named once. */
  async take<T>(turns: readonly Turn[], work: () => Promise<T>): Promise<T> {
    await this.#enter(turns);
    try {
      return await work();
    } finally {
      for (const turn of turns) this.#leave(turn.key);
    }
  }

  /** How many calls hold or wait for a turn on this key. */
  depth(key: string): number {
    const mailbox = this.#mailboxes.get(key);
    return mailbox === undefined ? 0 : mailbox.holders + mailbox.waiting.length;
  }

  #enter(turns: readonly Turn[]): Promise<void> {
    return new Promise((resolve) => {
      const waiter: Waiter = { missing: turns.length, start: resolve };
      if (turns.length === 0) waiter.start();
      for (const turn of turns) this.#ask(turn, waiter);
    });
  }

  #ask({ key, mode }: Turn, waiter: Waiter): void {
    let mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined) {
      mailbox = { holders: 0, writing: false, waiting: [] };
      this.#mailboxes.set(key, mailbox);
    }
    if (mailbox.waiting.length === 0 && isFree(mailbox, mode)) {
      hold(mailbox, mode, waiter);
      return;
    }
    mailbox.waiting.push({ waiter, mode });
  }

  #leave(key: string): void {
    const mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined) return;
    mailbox.holders -= 1;
    if (mailbox.holders === 0 && mailbox.waiting.length === 0) this.#mailboxes.delete(key);
    else admit(mailbox);
  }
}

function admit(mailbox: Mailbox): void {
  for (;;) {
    const next = mailbox.waiting[0];
    if (next === undefined || !isFree(mailbox, next.mode)) return;
    mailbox.waiting.shift();
    hold(mailbox, next.mode, next.waiter);
  }
}

function isFree(mailbox: Mailbox, mode: Turn['mode']): boolean {
  return mailbox.holders === 0 || (mode === 'read' && !mailbox.writing);
}

function hold(mailbox: Mailbox, mode: Turn['mode'], waiter: Waiter): void {
  mailbox.writing = mode === 'write';
  mailbox.holders += 1;
  waiter.missing -= 1;
  if (waiter.missing === 0) waiter.start();
}
