/** Words understood and misunderstood: help, suggestions, and the exit status of wrong usage. */
import { describe, expect, it } from 'vitest';
import { VERBS } from '../../src/cli/verbs/index.ts';
import { parseServeArguments, serveUsage } from '../../src/cli/words/serve-arguments.ts';
import { command } from './command.ts';

const run = (line: string) => command(line === '' ? [] : line.split(' '));

describe('help', () => {
  it('lists every command', async () => {
    const { code, out } = await run('help');
    expect(code).toBe(0);
    for (const { name, summary } of VERBS) {
      expect(out).toContain(`  ${name}`);
      expect(out).toContain(summary);
    }
  });

  it.each(VERBS.map((verb) => verb.name))('tells what %s takes, in two ways that agree', async (name) => {
    const helped = await run(`help ${name}`);
    const flagged = await run(`${name} --help`);
    expect(helped).toEqual({ ...flagged, code: 0 });
    const options = Object.keys(VERBS.find((verb) => verb.name === name)!.options);
    for (const option of [...options, 'help']) expect(helped.out).toContain(`  --${option}`);
  });

  it('lists every key that set takes, those that another value leaves out too', async () => {
    const { out } = await run('help pool set');
    expect(out).toMatch(/^ {2}health\.active +false /m);
    expect(out).toMatch(/^ {2}health\.active\.intervalMs +5000 /m);
    expect(out).toMatch(/^ {2}health\.passive\.outlier\.windowMs +10000 /m);
    expect((await run('help backend set')).out).toMatch(/^ {2}address +needed /m);
  });

  it('lists the commands of one noun', async () => {
    const { out } = await run('help backend');
    expect(out).toContain('backend drain POOL ID');
    expect(out).not.toContain('domain list');
  });

  it('stands in for missing words, and is no success then', async () => {
    expect((await run('')).code).toBe(2);
    expect((await run('--help')).code).toBe(0);
  });

  it('knows no line that breaks in a terminal of 200 columns', async () => {
    for (const line of (await run('help')).out.split('\n')) expect(line.length).toBeLessThan(200);
  });
});

describe('wrong usage', () => {
  it.each([
    ['domian list', 'unknown command "domian"', 'did you mean "domain list"?'],
    ['evnts', 'unknown command "evnts"', 'did you mean "events"?'],
    ['list domain', 'unknown command "list"', 'did you mean "domain list"?'],
    ['frobnicate', 'unknown command "frobnicate"', '"switchyard help" lists all commands'],
    ['domain', 'domain: expected one of list, show, set, remove, found nothing', undefined],
    ['domain delete', 'domain: expected one of list, show, set, remove, found "delete"', undefined],
    ['backend drian web web.1', 'found "drian"', 'did you mean "backend drain"?'],
    ['domain list --jsno', 'unknown flag --jsno', 'did you mean --json?'],
    ['domain list --admin', '--admin: expected HOST:PORT, found nothing', 'usage: switchyard domain list'],
    ['domain list --admin --help', '--admin: expected HOST:PORT, found "--help"', undefined],
    ['domain list --admin=', '--admin: expected HOST:PORT, found nothing', undefined],
    ['domain list --json=yes', '--json: expected no value, found "yes"', undefined],
    ['domain list --admin nonsense', '--admin: expected HOST:PORT, found "nonsense"', undefined],
    ['domain list --admin 127.0.0.1:0', '--admin: expected HOST:PORT, found "127.0.0.1:0"', undefined],
    ['domain list extra', 'expected nothing more, found "extra"', undefined],
    ['domain list --admin a:1 --admin b:2', '--admin: expected once, found twice', undefined],
    ['domain show', 'expected HOST, found nothing', 'usage: switchyard domain show HOST'],
    ['apply', 'expected FILE, found nothing', undefined],
    ['events --from 0', '--from: expected a whole number of at least 1, found "0"', undefined],
    ['events --from x', '--from: expected a whole number of at least 1, found "x"', undefined],
    ['events --last 1 --limit 2', 'expected --last or --limit, found both', undefined],
    ['events --stream web', '--stream: expected domain-HOST or pool-NAME, found "web"', undefined],
    [
      'chaos pool:web --at before-apend',
      '--at: expected one of before-append',
      'did you mean before-append?',
    ],
    ['state --at yesterday', '--at: expected a position or a time such as 2026-01-31T14:03:00Z', undefined],
    ['state --at 2026-02-30T00:00:00Z', '--at: expected a date and a time that exist, found', undefined],
    ['domain show bücher.example', 'as DNS and requests write it, xn--bcher-kva.example, found', undefined],
    ['bisect --good 1 --bad 2 --exists domain:bü.de', '--exists: expected the host name as DNS', undefined],
    ['bisect --good 1 --bad 2 --exists pool:a/b', '--exists: expected a pool name', undefined],
    ['events --since 2026-01-31', '--since: expected a position or a time such as', undefined],
    ['diff 3 x', 'TO: expected a position or a time such as', undefined],
    ['replay --backends -x', '--backends: expected +N|-N, found "-x" (--backends=VALUE if', undefined],
    ['pool set web --as ümläut', '--as: expected 1 to 100 printable ASCII characters', undefined],
    ['import f --data none --as a\nb', '--as: expected 1 to 100 printable ASCII characters', undefined],
    ['replay --policy p2x', '--policy: expected one of least-request, round-robin', 'did you mean p2c?'],
    ['replay --policy p2c --pool a/b', '--pool: expected a pool name', undefined],
    ['state --domain bü.de', '--domain: expected the host name as DNS', undefined],
    ['diff 1 2 --pool a/b', '--pool: expected a pool name', undefined],
    ['rollback --to 1 --pool a/b', '--pool: expected a pool name', undefined],
    ['events --type PoolMade', '--type: expected one of DomainCreated,', undefined],
    ['events --backend web --made available', '--backend: expected POOL/ID such as web/web.1', undefined],
    [
      'events --backend web/a --made gone',
      '--made: expected one of available, unavailable, found',
      undefined,
    ],
    ['events --backend web/a', 'expected --backend and --made together, found one', undefined],
    ['events --made available', 'expected --backend and --made together, found one', undefined],
    ['events --backend w/a --made available --stream pool-w', 'expected --stream or --backend', undefined],
    ['bisect --good 1 --bad 2 --host a --routed-to w/a/b', '--routed-to: expected POOL/ID', undefined],
    ['explain --host a.example --why-not a/b', '--why-not: expected a backend id', undefined],
    ['chaos pool:web --at in-legder', '--at: expected one of before-append', 'did you mean in-ledger?'],
    ['help frobnicate', 'unknown command "frobnicate"', undefined],
    ['-x', 'unknown command "-x"', undefined],
  ])('switchyard %s', async (line, message, hint) => {
    const { code, out, err } = await run(line);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.split('\n')[0]).toContain(message);
    if (hint !== undefined) expect(err.split('\n')[1]).toContain(hint);
    expect(err).not.toMatch(/\n\s+at /);
  });
});

it('a number less than zero is a value where the usage says so, and no flag', async () => {
  const { code, err } = await run('replay --backends -1 --data nowhere');
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('expected a log at nowhere') });
});

describe('for machines', () => {
  it.each(VERBS.map((verb) => verb.name))('%s takes --json', (name) => {
    expect(Object.keys(VERBS.find((verb) => verb.name === name)!.options)).toContain('json');
  });

  it('is told in one line that commands no terminal, whatever was typed', async () => {
    const { code, err } = await command(['domain', 'list', '--a\x1b[31m\nb']);
    expect({ code, err }).toEqual({
      code: 2,
      err: 'switchyard: unknown flag --a\ufffd[31m\ufffdb\nswitchyard: usage: switchyard domain list [FLAGS]\n',
    });
  });

  it('wrong usage stands on standard output as JSON too, and is still wrong usage', async () => {
    const { code, out, err } = await run('domain show --json');
    expect({ code, out: JSON.parse(out) }).toEqual({
      code: 2,
      out: { error: 'expected HOST, found nothing' },
    });
    expect(err).toContain('expected HOST, found nothing');
  });

  it('help is a list of commands', async () => {
    const all = JSON.parse((await run('help --json')).out) as { name: string }[];
    expect(all.map(({ name }) => name)).toEqual(VERBS.map(({ name }) => name));
    expect(JSON.parse((await run('help backend drain --json')).out)).toMatchObject([
      { name: 'backend drain' },
    ]);
  });
});

describe('what the program says of itself', () => {
  it('is its version', async () => {
    expect((await run('version')).out).toMatch(/^switchyard \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+\)\n$/);
    expect(JSON.parse((await run('version --json')).out)).toHaveProperty('version');
    expect((await run('--version')).out).toBe((await run('version')).out);
  });

  it('is the schema of its configuration', async () => {
    expect(JSON.parse((await run('schema')).out)).toMatchObject({ title: 'switchyard configuration' });
  });
});

describe('parseServeArguments', () => {
  it('leaves to the file what no flag says', () => {
    expect(parseServeArguments(['serve'])).toEqual({
      verb: 'serve',
      config: undefined,
      apply: false,
      takeOver: false,
      data: undefined,
      listen: undefined,
      admin: undefined,
      tokenFile: undefined,
      workers: undefined,
      chaos: false,
      json: false,
      logLevel: 'info',
    });
  });

  it('reads every flag', () => {
    const line =
      'serve --config c.yaml --apply --take-over --data ./d --listen 127.0.0.1:0 --listen [::1]:80 --admin 127.0.0.1:0 --token-file t --workers 0 --chaos --json --log-level debug';
    expect(parseServeArguments(line.split(' '))).toEqual({
      verb: 'serve',
      config: 'c.yaml',
      apply: true,
      takeOver: true,
      data: './d',
      listen: ['127.0.0.1:0', '[::1]:80'],
      admin: '127.0.0.1:0',
      tokenFile: 't',
      workers: 0,
      chaos: true,
      json: true,
      logLevel: 'debug',
    });
  });

  it.each([
    ['serve --listen 8080', '--listen: expected host:port or [v6]:port, found "8080"'],
    ['serve --workers -1', '--workers: expected N, found "-1" (--workers=VALUE if it is meant)'],
    ['serve --workers 121', '--workers: expected a whole number from 0 to 120, found "121"'],
    ['serve --apply', '--apply: expected a --config FILE to apply, found none'],
    ['serve --log-level loud', '--log-level: expected one of trace, debug'],
    ['serve config.yaml', 'expected nothing more, found "config.yaml"'],
    ['demo --config c.yaml', 'unknown flag --config'],
  ])('refuses %s', (line, message) => {
    const hint = expect.stringMatching(/^usage: switchyard (?:serve|demo) /);
    expect(() => parseServeArguments(line.split(' '))).toThrow(
      expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(message), hint }),
    );
  });

  it('gives the usage when asked', () => {
    expect(parseServeArguments(['demo', '-h'])).toBeUndefined();
    expect(serveUsage(['demo', '-h'])).toContain('switchyard demo [FLAGS]');
  });
});
