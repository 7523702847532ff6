/** Settings as YAML that is read back as what they are. */
import { stringify } from 'yaml';

// Every text in one line, quoted where it needs to be: blocks and folds lose blanks beside line ends, as an error page may have them.
const EXACT = {
  blockQuote: false,
  lineWidth: 0,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
} as const;

export function yamlOf(settings: object): string {
  return stringify(settings, EXACT);
}
