/** Bodies that are chunked badly, by the published families of smuggling: none of them may be read as a body. */

/** The request that would be smuggled behind them. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

type Bad = readonly [family: string, body: string];

/** Refused at a chunk, its size or its end. */
export const BAD_CHUNKS: readonly Bad[] = [
  ['TERM.EXT: a bare LF ends the extension for some', `5;\nxx\r\n4c\r\n0\r\n\r\n${SMUGGLED}`],
  ['TERM.EXT with a name', `5;a\nxxxxx\r\n0\r\n\r\n${SMUGGLED}`],
  ['EXT.TERM: a CR without LF in the extension', '5;a\rxxxxx\r\n0\r\n\r\n'],
  ['TERM.SPILL: two bytes of anything behind the data', '1\r\nxYY0\r\n\r\n'],
  ['a bare LF behind the size', `1\nx\n0\n\n${SMUGGLED}`],
  ['a bare LF behind the last chunk', `0\n\n${SMUGGLED}`],
  ['a size with 0x', '0x1\r\nx\r\n0\r\n\r\n'],
  ['a negative size', '-1\r\nx\r\n0\r\n\r\n'],
  ['a size with an underscore', '1_0\r\nx\r\n0\r\n\r\n'],
  ['a size that overflows 64 bits to 5', '10000000000000005\r\nabcde\r\n0\r\n\r\n'],
  ['a size of twenty zeros and more', '100000000000000000000\r\n'],
  ['a blank before the size', ' 0\r\n\r\n'],
  ['a blank behind the size', '0 \r\n\r\n'],
  ['a tab behind the size', '0\t\r\n\r\n'],
  ['a vertical tab behind the size', '1\v\r\nx\r\n0\r\n\r\n'],
  ['a NUL behind the size', '1\0\r\nx\r\n0\r\n\r\n'],
  ['an empty size', '\r\nx\r\n0\r\n\r\n'],
  ['a size without digits', 'g\r\nx\r\n0\r\n\r\n'],
  ['two CRs behind the size', '0\r\r\n\r\n'],
  ['an empty extension', `0;\r\n\r\n${SMUGGLED}`],
  ['a comma behind the size', '5,5\r\nabcde\r\n0\r\n\r\n'],
  ['a chunk longer than its size', '3\r\nabcdef\r\n0\r\n\r\n'],
  ['an 8-bit byte in an extension', '1;\xe9\r\nx\r\n0\r\n\r\n'],
  ['a CR and something else at the end', `0\r\n\rX${SMUGGLED}`],
];

/** Refused behind the last chunk. */
export const BAD_TRAILERS: readonly Bad[] = [
  ['a last chunk in the middle', '0\r\n5\r\nabcde\r\n0\r\n\r\n'],
  ['a request where trailers belong', `0\r\n${SMUGGLED}`],
  ['a length in trailers', `0\r\nContent-Length: 5\r\n\r\n${SMUGGLED}`],
  ['a coding in trailers', `0\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`],
  ['a host in trailers', `0\r\nHost: b\r\n\r\n${SMUGGLED}`],
  ['a folded trailer', `0\r\nA: b\r\n c\r\n\r\n${SMUGGLED}`],
  ['a trailer behind a bare LF', `0\r\nA: b\nC: d\r\n\r\n${SMUGGLED}`],
  ['a trailer without a colon', `0\r\nabc\r\n\r\n${SMUGGLED}`],
  ['a blank line of blanks', `0\r\n \r\n\r\n${SMUGGLED}`],
];
