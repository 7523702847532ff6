/** Where a write-ahead log of SQLite's has what: https://www.sqlite.org/fileformat2.html#walformat. */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The first byte of its last transaction. Frames behind that are left from before it was begun anew: they have another salt. */
export function lastChangeIn(wal: Buffer, pageBytes: number): number {
  const salt = wal.subarray(16, 24);
  const at = (frame: number) => HEADER_BYTES + frame * (FRAME_HEADER_BYTES + pageBytes);
  const isOfThis = (frame: number) =>
    at(frame) < wal.length && salt.equals(wal.subarray(at(frame) + 8, at(frame) + 16));
  const endsChange = (frame: number) => wal.readUInt32BE(at(frame) + 4) > 0;
  let frame = 0;
  while (isOfThis(frame + 1)) frame += 1;
  while (frame > 0 && !endsChange(frame - 1)) frame -= 1;
  return at(frame);
}
