/** The door of the journal: what requests and ledgers decided, written beside the log without ever delaying it. */
// The keys that operations are recorded under: for those who enter by no other door.
export { keyOf } from '../key.ts';
export { AFFINITY_VERDICTS, type AffinityVerdict } from './affinity-verdict.ts';
export { ByteReader, ByteWriter } from './bytes.ts';
export {
  type JournalReader,
  type JournalReaderOptions,
  openJournalReader,
  type TimeRange,
} from './journal-reader.ts';
export { JournalWriter, type JournalWriterOptions } from './journal-writer.ts';
export type { OperationSource } from './operation-source.ts';
export { parseRequestId, type RequestIdParts, renderRequestId } from './record-id.ts';
export { type AttemptRecord, isCode, type RequestRecord } from './request-record.ts';
export {
  createJournalMemory,
  JournalMemory,
  type JournalMemoryOptions,
  type JournalShared,
  WRITER_STATUS,
} from './ring/memory.ts';
export { RingProducer } from './ring/ring-producer.ts';
export { writeCheckpoint, writeName } from './ring/write-note.ts';
export { FinishedRequest, writeRequest } from './ring/write-request.ts';
export type { JournalledCheckpoint } from './segment/checkpoint.ts';
export { PoolIndex } from './segment/pool-index.ts';
export { type Packing, packJournal, unpackJournal } from './segment/portable.ts';
export { JOURNAL_DIRECTORY } from './segment/segment-files.ts';
export type { OperationBlock } from './segment/segment-reader.ts';
export { codesOf, OTHER, type Vocabulary } from './vocabulary.ts';
