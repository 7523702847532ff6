/** The process as the operating system and the event loop see it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Family } from './prometheus.ts';

/** The result of `monitorEventLoopDelay` from node:perf_hooks; nanoseconds. */
export interface DelayHistogram {
  readonly count: number;
  readonly max: number;
  percentile(percentile: number): number;
  reset(): void;
}

export type ProcessSources = {
  readonly version: string;
  readonly startedAtMs: number;
  readonly eventLoopDelay: DelayHistogram;
};

export function processFamilies({ version, startedAtMs, eventLoopDelay }: ProcessSources): Family[] {
  const { rss, heapUsed } = process.memoryUsage();
  const cpu = process.cpuUsage();
  return [
    gauge('switchyard_build_info', '1; its labels say what runs.', 1, { version, node: process.version }),
    gauge(
      'switchyard_start_time_seconds',
      'Start time of the process, in epoch seconds.',
      startedAtMs / 1000,
    ),
    gauge('switchyard_uptime_seconds', 'Seconds since the process started.', process.uptime()),
    gauge('switchyard_resident_memory_bytes', 'Resident memory of the process with all its threads.', rss),
    gauge('switchyard_main_heap_bytes', 'JavaScript heap in use by the main thread.', heapUsed),
    {
      name: 'switchyard_cpu_seconds',
      type: 'counter',
      help: 'CPU time of the process with all its threads.',
      samples: [
        { labels: { mode: 'user' }, value: cpu.user / 1e6 },
        { labels: { mode: 'system' }, value: cpu.system / 1e6 },
      ],
    },
    delayFamily(eventLoopDelay),
    ...commonFamilies(startedAtMs, rss, cpu.user + cpu.system),
  ];
}

export function droppedLinesFamily(lines: number): Family {
  return {
    name: 'switchyard_log_lines_dropped',
    type: 'counter',
    help: 'Log lines dropped because standard output was not read in time.',
    samples: [{ value: lines }],
  };
}

/** The standard names of Prometheus clients for their process, for dashboards that rely on them. */
function commonFamilies(startedAtMs: number, rss: number, cpuMicroseconds: number): Family[] {
  return [
    {
      name: 'process_cpu_seconds',
      type: 'counter',
      help: 'CPU time of the process.',
      samples: [{ value: cpuMicroseconds / 1e6 }],
    },
    gauge('process_resident_memory_bytes', 'Resident memory of the process.', rss),
    gauge('process_start_time_seconds', 'Start time of the process, in epoch seconds.', startedAtMs / 1000),
    ...descriptorFamilies(),
  ];
}

/** Empty on systems without /proc. */
function descriptorFamilies(): Family[] {
  try {
    const open = readdirSync('/proc/self/fd').length;
    const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return [
      gauge('process_open_fds', 'Open file descriptors.', open),
      ...(most === undefined
        ? []
        : [gauge('process_max_fds', 'Maximum number of open file descriptors.', Number(most))]),
    ];
  } catch {
    return [];
  }
}

/**
 * The tick of the timer of `monitorEventLoopDelay`. Its default of 10 ms would cost an idle router a hundredth of a
 * core.
 */
export const DELAY_TICK_MS = 50;
const TICK_NS = DELAY_TICK_MS * 1e6;

/** The delays since the last scrape. */
function delayFamily(delay: DelayHistogram): Family {
  const nanoseconds = { '0.5': delay.percentile(50), '0.99': delay.percentile(99), '1': delay.max };
  const seen = delay.count > 0;
  delay.reset();
  return {
    name: 'switchyard_main_event_loop_delay_seconds',
    type: 'summary',
    help: 'Event loop delay of the main thread since the last scrape, by quantile.',
    samples: Object.entries(nanoseconds).map(([quantile, ns]) => ({
      labels: { quantile },
      value: seen ? Math.max(0, ns - TICK_NS) / 1e9 : 0,
    })),
  };
}

function gauge(name: string, help: string, value: number, labels?: Record<string, string>): Family {
  return { name, type: 'gauge', help, samples: [labels === undefined ? { value } : { labels, value }] };
}
