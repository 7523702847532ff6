/** The page around the tables. Each name in braces is where one goes. */

export const PAGE = `# Routing quality

Written by \`node bench/simulate/main.ts\` from a fixed seed; do not edit. The simulator runs the production ledger,
queue, policies, health, probes' rules and retry budget under virtual time. "Published" is what others found: of §1 and §2 an
independent simulator, of the arrivals that Rap Genius published in 2013; of §3 Finagle's authors, of §4 those of dialogue, of §5 those of
Prequal. A shorter run of the same scenarios is a test (\`test/simulate/\`), which also holds the tables of §3 and §4 against this page. The
real router under the first workload is in [routing-quality-real.md](routing-quality-real.md). One core simulates over 100 000
requests a second (a test fails at 10 µs each; it is 2 to 6, the production's work in them included).

| bar | reached by | found |
| --- | --- | --- |
| §1: mean wait 0.0 at 75 backends, with one worker and with four | \`policy: "least-request"\`, \`maxConcurrency: 1\` | {bar1} |
| §1: nobody waits beside a free backend | the same | {bar2} |
| §1: at most 1 % wait with at most 60 backends | the same | {bar3} |
| §3: 99.94 % within a second | \`policy: "peak-ewma"\` | {bar4} |
| §4: eight fleets | the last column there | all |
| §5 | no bar | no errors up to 1.74 with three policies |

## 1. Rap Genius: 9 000 requests a minute, one at a time each

An hour, the first minute dropped. _In vain_ counts requests that waited in the ledger while a backend was open in it.

{disciplines}

With \`policy: "least-request"\` and \`maxConcurrency: 1\` each request waits exactly as long as before one queue, request
by request (Kiefer and Wolfowitz's recursion over the same arrivals; \`test/simulate/rap-genius.test.ts\`).

### How many backends it takes

Requests that waited, and the mean wait in ms. At most one in a hundred waits from 60 backends on or before; published
for others: 500 with p2c, 3 000 with ten round-robin routers, over 4 000 at random.

{fleets}

![Requests that wait, by number of backends](routing-quality-backends.svg)

## 2. Exponential service: the simulator checked

100 backends, mean service 100 ms; mean and p99 wait in ms, published in brackets. The last column is theory (M/M/1 and
Erlang's C). With two choices the mean time in system at load 0.9 tends to {limit} service times (Mitzenmacher); the wait is
that less one. Random at load 0.99 takes hours to fill its queues, so no finite run comes to theory's value.

{exponentials}

## 3. One slow backend of eleven

1 000 requests a second for a minute; from 15 s to 45 s one backend takes 2 s. Success means within a second. Bar:
99.94 %, reached by \`policy: "peak-ewma"\`.

{slow}

Every miss is explained: those of the first two seconds were sent before the slow backend could have answered its first
request, as many as it had in flight when it was still quick; each of the others tried, once what was known had
faded, whether it was quick again.

![Requests that took over a second](routing-quality-slow-backend.svg)

## 4. Faulty fleets

Success, mean time, and calls made to backends. Each endpoint is an entry of the domain's \`routes\`; all requests are
idempotent. The first four columns are the defaults of a pool with either policy, alone and with
\`health.passive.outlier.statuses: ["500-599"]\`. _Reached_ is by these settings:

- _outliers, retries_: that, and \`retries: {statuses: ["500-599"], firstByteTimeouts: true, budgetPercent: 100}\`;
- _2 s_: and \`timeouts.firstByteMs: 2000\`;
- _routes_: the endpoints are entries of \`routes\`, as everywhere here; without, nobody could tell the backends apart;
- _probes_: \`health.active: {path: "/", intervalMs: 500, healthyAfter: 1, unhealthyAfter: 2}\` and
  \`queue.maxWaiting: 5000\`;
- _limit, queue_: \`maxConcurrency: 100\`.

{faulty}

Without a second attempt these have bounds that no router can pass, since it learns from answers:

- \`black_hole\`: answers take 0.6 s, so at least 60 requests (3 %) are sent to the silent backend before its silence
  means anything, and all that are sent within the time-out. One retry each saves them.
- \`one_endpoint_dies_on_each_server\`: 0.6 s × 62.5/s × 2 = 75 requests (3 %) fail before the first failure is known.
  Outliers alone come near that. What is lost with retries is what the budget denied in its first moments, when
  few requests had ended of which it is a share.
- \`all_nodes_500\`: half of the requests come while all backends answer 500: 50 % for whoever passes answers on. Only who
  makes requests wait can do better: when the probes of all fail, all are closed, requests wait in the queue up to
  \`maxWaitMs\`, and those that waited are answered when a probe passes. Outliers do not help: no backend is worse
  than the others, so none is ejected.
- \`live_reloading\`: 75 requests (3 %) go to the broken backend before it has answered one. With retries none is lost.

A budget of 100 % is more than the default 20 %: half of a pool of two that breaks at once needs a second attempt for
every second request, for as long as it takes to know. With 20 % the rest of those fails as without.

### How soon an outlier is left alone

\`fast_503s_then_revert\` under least-request without retries: of 3 750 requests, those that failed while one of two backends
answered 503 within 10 ms for 7 s, by settings of \`health.passive\`. After the first second only trials fail, one at a time, each
after twice the time of the last.

{courses}

## 5. Load that is not requests

After the experiment published with Prequal (NSDI'24): 100 backends with two cores allocated each, on machines with
antagonists, so that what can really be had changes every five seconds: three in ten have 0.95 of their allocation, the others
1.5 to 3.5 times as much. Requests of a backend share its cores evenly; their work is normal with its mean as its deviation; after 5 s
they are given up. Load is relative to the allocation, in nine steps, each a ninth more, each run by itself. The paper's antagonists are not
ours, so this is no comparison: there weighted round robin sits at the deadline from 1.03 and Prequal has no errors up to
1.74.

Median and p99 of the answers in ms, and what was not answered in time:

{machines}

What is in flight tells a slow machine well enough here: whoever looks at it keeps away. Of the five, \`peak-ewma\` has
the shortest tail at most loads, and \`least-request\` at the lowest.
`;
