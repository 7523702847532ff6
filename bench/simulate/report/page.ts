/** The page around the tables. Each name in braces is where one goes. */

export const PAGE = `# Routing quality

Written by \`node bench/simulate/main.ts\` from a fixed seed; do not edit. The simulator runs the production code of ledger,
queue, policies, health, probe rules and retry budget under virtual time. "Published" figures come from others: for §1 and §2
from an independent simulator, fed with the arrivals that Rap Genius published in 2013; for §3 from the authors of Finagle, for
§4 of dialogue, for §5 of Prequal. A shorter run of the same scenarios is a test (\`test/bench/simulate/\`), which also checks the
tables of §3 and §4 on this page. The real router under the first workload is in
[routing-quality-real.md](routing-quality-real.md). One core simulates over 100 000 requests a second, the work of the
production code included (2 to 6 µs each; a test fails at 10).

| bar | reached with | found |
| --- | --- | --- |
| §1: mean wait 0.0 at 75 backends, with one worker and with four | \`policy: "least-request"\`, \`maxConcurrency: 1\` | {bar1} |
| §1: no request waits while a backend is free | the same | {bar2} |
| §1: at most 1 % wait with at most 60 backends | the same | {bar3} |
| §3: 99.94 % within a second | \`policy: "peak-ewma"\` | {bar4} |
| §4: eight fleets | the last column there | all |
| §5 | no bar | no errors up to 1.74 with three policies |

## 1. Rap Genius: 9 000 requests a minute, one at a time each

One hour; the first minute is not counted. _In vain_ counts requests that waited in the ledger while it had a free backend.

{disciplines}

With \`policy: "least-request"\` and \`maxConcurrency: 1\`, every single request waits exactly as long as in one ideal common queue
(Kiefer and Wolfowitz's recursion over the same arrivals; \`test/bench/simulate/rap-genius.test.ts\`).

### How many backends it takes

Share of requests that waited, and mean wait in ms. With 60 backends or fewer, at most one request in a hundred waits; the
published figures for others are 500 with p2c, 3 000 with ten round-robin routers, and over 4 000 with random choice.

{fleets}

![Requests that wait, by number of backends](routing-quality-backends.svg)

## 2. Exponential service: the simulator checked

100 backends, mean service time 100 ms; mean and p99 wait in ms, published figures in brackets. The last column is theory (M/M/1
and Erlang C). With two choices, the mean time in the system at load 0.9 tends to {limit} service times (Mitzenmacher); the wait
is that minus one. Random choice at load 0.99 takes hours to fill its queues, so no finite run reaches the theoretical value.

{exponentials}

## 3. One slow backend of eleven

1 000 requests a second for a minute; from 15 s to 45 s one backend takes 2 s. Success means an answer within a second. The bar
is 99.94 %, reached with \`policy: "peak-ewma"\`.

{slow}

Every miss of \`peak-ewma\` is explained. Those of the first two seconds were sent before the slow backend could have answered its
first request: as many as it had in flight while it was still fast. Each later one was a try, after the known latency had faded,
whether the backend was fast again.

![Requests that took over a second](routing-quality-slow-backend.svg)

## 4. Faulty fleets

Success, mean time, and calls made to backends. Each endpoint is an entry of the domain's \`routes\`; all requests are idempotent.
The four columns after the bar are a pool's defaults with either policy, alone and with
\`health.passive.outlier.statuses: ["500-599"]\`. _Reached_ uses the settings named in the last column:

- _outliers, retries_: that, and \`retries: {statuses: ["500-599"], firstByteTimeouts: true, budgetPercent: 100}\`;
- _2 s_: also \`timeouts.firstByteMs: 2000\`;
- _routes_: the endpoints are entries of \`routes\`, as everywhere here; without them the backends could not be told apart;
- _probes_: \`health.active: {path: "/", intervalMs: 500, healthyAfter: 1, unhealthyAfter: 2}\` and \`queue.maxWaiting: 5000\`;
- _limit, queue_: \`maxConcurrency: 100\`.

{faulty}

A router learns only from responses. Without a second attempt, no router can therefore do better than this:

- \`black_hole\`: responses take 0.6 s, so at least 60 requests (3 %) go to the silent backend before its silence means anything,
  and so do all that are sent within the time-out. One retry each saves them.
- \`one_endpoint_dies_on_each_server\`: 0.6 s × 62.5/s × 2 = 75 requests (3 %) fail before the first failure is known. Outlier
  ejection alone comes close to that. The loss with retries is what the budget denied in its first moments, when it was a share
  of few finished requests.
- \`all_nodes_500\`: half of the requests arrive while all backends answer 500, so a router that passes answers on reaches 50 %.
  Only making requests wait does better: when the probes of all backends fail, requests wait in the queue for up to \`maxWaitMs\`,
  and are answered when a probe passes. Outlier ejection does not help, because no backend is worse than the others.
- \`live_reloading\`: 75 requests (3 %) go to the broken backend before it has answered one. With retries none is lost.

A budget of 100 % is more than the default of 20 %: when half of a pool of two breaks at once, every second request needs a
retry until that is known. With 20 %, the rest of those fail as they would without retries.

### How soon an outlier is left alone

\`fast_503s_then_revert\` under least-request without retries: the number of failed requests, of 3 750, while one of two backends
answers 503 within 10 ms for 7 s, by settings of \`health.passive\`. After the first second only trials fail, one at a time, each
after twice the time of the last.

{courses}

## 5. Load that is not requests

Modelled on the experiment published with Prequal (NSDI'24): 100 backends with two cores allocated each, on machines shared with
antagonists, so that the available share changes every five seconds: three in ten have 0.95 of their allocation, the others 1.5
to 3.5 times as much. The requests of a backend share its cores evenly; their work is normally distributed, with a deviation
equal to its mean; they are abandoned after 5 s. Load is relative to the allocation, in nine runs, each one ninth higher than
the last. The paper's antagonists are not ours, so this is not a comparison: in the paper, weighted round robin sits at the
deadline from 1.03 on, and Prequal has no errors up to 1.74.

Median and p99 response time in ms, and the share not answered in time:

{machines}

The number of requests in flight identifies a slow machine well enough here: the policies that look at it avoid it. Of the five,
\`peak-ewma\` has the shortest tail at most loads, and \`least-request\` at the lowest.
`;
