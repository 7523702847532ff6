import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../src/cli/render/table.ts';

describe('a table', () => {
  it.each([
    ['an escape sequence', '\x1b[2J', '\ufffd[2J'],
    ['a line end', '\r\n', '\ufffd\ufffd'],
    ['a control character of eight bits', '\x9b2J', '\ufffd2J'],
    ['a line separator', '\u2028\u2029', '\ufffd\ufffd'],
    ['an override of the direction', '\u202e\u2067', '\ufffd\ufffd'],
  ])('shows %s and does not pass it on', (_what, text, shown) => {
    expect(renderTable(undefined, [[`web.1${text}`, 'up']])).toEqual([`web.1${shown}  up`]);
  });
});
