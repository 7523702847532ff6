/** The messages between the main thread and the history thread. */

/** `niceness`: how much nicer than the router the thread is, on systems where threads have their own. */
export type HistoryBoot = { readonly directory: string; readonly niceness: number };

export type ToHistory =
  | {
      readonly type: 'ask';
      readonly id: number;
      readonly question: string;
      readonly wish: unknown;
      readonly isPoured: boolean;
    }
  /** The last piece was taken. */
  | { readonly type: 'next'; readonly id: number }
  /** Nobody wants the answer any more. */
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'stop' }
  /** Fail as a bug would. */
  | { readonly type: 'fail'; readonly message: string };

export type Reply =
  | { readonly type: 'part'; readonly text: string }
  | { readonly type: 'answer'; readonly answer: unknown }
  | { readonly type: 'failed'; readonly error: SentError };

export type FromHistory = { readonly id: number; readonly reply: Reply };

/** An error as sent between threads, where its class is lost. */
export type SentError = {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly own: Readonly<Record<string, unknown>>;
};
