/** What operators will do, as values that follow from a seed. Places in the past are told by how many changes back they lie. */
import fc from 'fast-check';

export type Wish = {
  readonly pools: Readonly<Record<string, object>>;
  readonly domains: Readonly<Record<string, { readonly pool: string }>>;
};

export type Deed =
  | { readonly do: 'route'; readonly domain: string; readonly pool: string }
  | { readonly do: 'unroute'; readonly domain: string }
  | { readonly do: 'pool'; readonly pool: string; readonly settings: object }
  | { readonly do: 'unpool'; readonly pool: string; readonly waits: boolean }
  | { readonly do: 'backend'; readonly pool: string; readonly backend: string; readonly address: string }
  | { readonly do: 'unbackend'; readonly pool: string; readonly backend: string; readonly waits: boolean }
  | { readonly do: 'drain'; readonly pool: string; readonly backend: string; readonly timeoutMs: number }
  | { readonly do: 'apply'; readonly wish: Wish }
  | { readonly do: 'show'; readonly wish: Wish }
  /** Confirmed after so long, or not at all. */
  | { readonly do: 'try'; readonly wish: Wish; readonly withinMs: number; readonly afterMs: number | null }
  | { readonly do: 'import'; readonly wish: Wish; readonly chunk: number }
  | { readonly do: 'rollback'; readonly back: number; readonly isShown: boolean }
  | { readonly do: 'undo'; readonly back: number }
  | { readonly do: 'look'; readonly at: Look; readonly back: number; readonly domain: string }
  | { readonly do: 'prove'; readonly by: 'verify' | 'replay' }
  | { readonly do: 'archive'; readonly back: number }
  | { readonly do: 'export' }
  | { readonly do: 'replace' }
  | { readonly do: 'crash'; readonly actor: string; readonly at: string | undefined };

export type Look = (typeof LOOKS)[number];

const POOLS = ['a', 'b', 'c', 'd', 'e', 'f'];
const DOMAINS = Array.from({ length: 12 }, (_, number) => `d${number}.example.com`);
const LOOKS = ['state', 'past', 'diff', 'search', 'explain', 'query', 'pages', 'actors', 'metrics'] as const;
const THREADS = ['log', 'historian', 'planner', 'importer', 'publisher', 'journal', 'worker:1'];

const pool = fc.constantFrom(...POOLS);
const domain = fc.constantFrom(...DOMAINS);
const backend = fc.constantFrom('x0', 'x1', 'x2', 'x3');
const address = fc.integer({ min: 9000, max: 9050 }).map((port) => `127.0.0.1:${port}`);
const back = fc.nat({ max: 30 });
const waits = fc.boolean();

const settings = fc
  .record({
    policy: fc.constantFrom('random', 'round-robin'),
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    backends: fc.dictionary(backend, fc.record({ address }), { maxKeys: 3 }),
  })
  .map(({ maxConcurrency, ...rest }) => (maxConcurrency === undefined ? rest : { ...rest, maxConcurrency }));

/** Domains name pools of the same wish. */
const wish: fc.Arbitrary<Wish> = fc
  .dictionary(pool, settings, { minKeys: 1, maxKeys: POOLS.length })
  .chain((pools) =>
    fc.record({
      pools: fc.constant(pools),
      domains: fc.dictionary(domain, fc.record({ pool: fc.constantFrom(...Object.keys(pools)) }), {
        maxKeys: 9,
        noNullPrototype: true,
      }),
    }),
  )
  // As whoever reads JSON has it, where it is not without a prototype.
  .map((made) => structuredClone(made));

const PEACEFUL: readonly fc.WeightedArbitrary<Deed>[] = [
  { weight: 20, arbitrary: fc.record({ do: fc.constant('route' as const), domain, pool }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('unroute' as const), domain }) },
  { weight: 16, arbitrary: fc.record({ do: fc.constant('pool' as const), pool, settings }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('unpool' as const), pool, waits }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('backend' as const), pool, backend, address }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('unbackend' as const), pool, backend, waits }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('drain' as const),
      pool,
      backend,
      timeoutMs: fc.nat({ max: 2000 }),
    }),
  },
  { weight: 16, arbitrary: fc.record({ do: fc.constant('apply' as const), wish }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('show' as const), wish }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('try' as const),
      wish,
      withinMs: fc.integer({ min: 1, max: 1500 }),
      afterMs: fc.option(fc.nat({ max: 800 }), { nil: null }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('import' as const), wish, chunk: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('rollback' as const), back, isShown: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('undo' as const), back: fc.nat({ max: 10 }) }) },
  {
    weight: 30,
    arbitrary: fc.record({ do: fc.constant('look' as const), at: fc.constantFrom(...LOOKS), back, domain }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('prove' as const), by: fc.constantFrom('verify', 'replay') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('archive' as const), back }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('export' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replace' as const) }) },
];

const owner = fc.oneof(
  pool.map((name) => `pool:${name}`),
  domain.map((name) => `domain:${name}`),
);
const CRASHES: fc.WeightedArbitrary<Deed> = {
  weight: 3,
  arbitrary: fc.oneof(
    fc.record({
      do: fc.constant('crash' as const),
      actor: owner,
      at: fc.constantFrom(undefined, 'before-append', 'after-append'),
    }),
    fc.record({
      do: fc.constant('crash' as const),
      actor: fc.constantFrom(...THREADS),
      at: fc.constant(undefined),
    }),
  ),
};

// So many are made ahead.
const BATCH = 100;

/** Of one operator, without end. */
export function* deedsOf(seed: number, crashes: boolean): Generator<Deed> {
  const deed = fc.oneof(...PEACEFUL, ...(crashes ? [CRASHES] : []));
  for (let batch = 0; ; batch++) yield* fc.sample(deed, { seed: seed + batch * 7919, numRuns: BATCH });
}
