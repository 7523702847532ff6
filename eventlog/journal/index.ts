/** The door of the journal: what requests and ledgers decided, written beside the log and never in its way. */
export { AFFINITY_VERDICTS, type AffinityVerdict } from './affinity-verdict.ts';
export { ByteReader, ByteWriter } from './bytes.ts';
export {
  type JournalReader,
  type JournalReaderOptions,
  openJournalReader,
  type TimeRange,
} from './journal-reader.ts';
export { JournalWriter, type JournalWriterOptions } from './journal-writer.ts';
export {
  createJournalMemory,
  JournalMemory,
  type JournalMemoryOptions,
  type JournalShared,
  SAYS,
} from './memory.ts';
export type { OperationSource } from './operation-source.ts';
export { PoolIndex } from './pool-index.ts';
export { type Packing, packJournal, unpackJournal } from './portable.ts';
export { parseRequestId, type RequestIdParts, renderRequestId } from './record-id.ts';
export type { AttemptRecord, RequestRecord } from './request-record.ts';
export { RingProducer } from './ring-producer.ts';
export { JOURNAL_DIRECTORY } from './segment-files.ts';
export type { JournalledCheckpoint, OperationBlock } from './segment-reader.ts';
export { codesOf, OTHER, type Vocabulary } from './vocabulary.ts';
export { writeCheckpoint, writeName } from './write-note.ts';
export { FinishedRequest, writeRequest } from './write-request.ts';
