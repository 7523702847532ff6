/** Settings as YAML that reads back as the same values. */
import { stringify } from 'yaml';

// Every text on one line, quoted if needed: block and folded strings lose spaces at line ends, which an error page may
// have.
const EXACT = {
  blockQuote: false,
  lineWidth: 0,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
} as const;

export function yamlOf(settings: object): string {
  return stringify(settings, EXACT);
}
