/** What `state` and `show` print is read back as what it is, whatever stands in it. */
import { expect, it } from 'vitest';
import { yamlOf } from '../../../src/cli/render/yaml.ts';
import { readText } from '../../../src/config/load.ts';

it.each([
  ['of blanks', ' \n'],
  ['of lines of blanks', '\n\n  \n'],
  ['of long words before lines of blanks', `\n\t ${'x'.repeat(90)}\n\n `],
  ['of long words and carriage returns', `\r${'x'.repeat(90)}\n\n \n\n&\r`],
  ['of several lines', '<h1>sorry</h1>\n  <p>back soon: # 1\r\n\t</p>\n'],
  ['that reads like another value', 'null'],
])('an error page %s', (_what, error) => {
  const domains = { 'app.example': { errorPages: { error }, pool: 'web' } };
  expect(readText(yamlOf({ domains }), '.yaml')).toEqual({ ok: true, value: { domains } });
});
