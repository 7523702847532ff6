/** Why a question about the past has no answer: the admin API gives the word as the problem's `type`. */

export type HistoryProblem =
  /** The question makes no sense, such as a position beyond the end. */
  | 'invalid_query'
  /** The journal has no request with this id. */
  | 'request_unknown'
  /** The request would be older than the journal. */
  | 'request_expired'
  /** The request is, or may be, in a gap or an unreadable part of the journal. */
  | 'request_lost'
  /** It was before the beginning of the log. */
  | 'archived'
  /** The queue of waiting questions is full. */
  | 'history_busy'
  /** The thread or process that answers was lost, or none could be started. */
  | 'history_unavailable';

export class Unanswerable extends Error {
  override readonly name = 'Unanswerable';
  readonly word: HistoryProblem;
  /** Further details, for machines. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(word: HistoryProblem, message: string, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.word = word;
    this.members = members;
  }
}
