/** Why a question about the past has no answer: the admin API gives the word as the problem's `type`. */

export type HistoryProblem =
  /** What was asked for makes no sense, such as a position beyond the end. */
  | 'invalid_query'
  /** The journal has no request of this id. */
  | 'request_unknown'
  /** It would be older than the journal. */
  | 'request_expired'
  /** It would lie in a gap of the journal, or may in what of it cannot be read. */
  | 'request_lost'
  /** It was before what the log begins with. */
  | 'archived'
  /** As many questions as may wait are waiting. */
  | 'history_busy'
  /** The thread that answers was lost, twice. */
  | 'history_unavailable';

export class Unanswerable extends Error {
  override readonly name = 'Unanswerable';
  readonly word: HistoryProblem;
  /** More to know of it, for machines. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(word: HistoryProblem, message: string, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.word = word;
    this.members = members;
  }
}
