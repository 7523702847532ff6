import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/index.ts';
import {
  backendsWithin,
  clientsWithin,
  operatorsWithin,
  requireFiles,
  shareConnections,
} from '../../src/router/descriptors.ts';
import { LimitTooLow } from '../../src/router/system-limits.ts';

function listeners(...connections: readonly number[]) {
  const config = parseConfig({
    listeners: connections.map((count, at) => ({
      address: `127.0.0.1:${9090 + at}`,
      limits: { connections: count },
    })),
  });
  if (!config.ok) throw new TypeError(JSON.stringify(config.problems));
  return config.value.listeners;
}

const limits = (clients: number, ...connections: readonly number[]) =>
  shareConnections(clients, listeners(...connections)).map((listener) => listener.limits.connections);

it.each([
  [48, 4],
  [64, 4],
  [80, 5],
  [1024, 64],
  [4608, 288],
  [1_048_576, 288],
])('of %i files, so many connections to the admin may be open: %i', (files, operators) => {
  expect(operatorsWithin(files)).toBe(operators);
});

describe('clients within the files that may be open', () => {
  it('leave room for their backends and for the router', () => {
    expect(clientsWithin(1024, 2)).toBe(420);
    expect(clientsWithin(16_792, 2)).toBe(8192);
  });

  it('are more than half of very many, since most of those are idle', () => {
    expect(clientsWithin(20_000, 2)).toBe(11_400);
    expect(clientsWithin(524_288, 8)).toBe(515_568);
  });

  it('are some, however few may be open', () => {
    expect(clientsWithin(64, 2)).toBe(8);
  });

  it('are as many as was wished for where that can be', () => {
    expect(limits(100, 100)).toEqual([100]);
    expect(limits(100, 60, 40)).toEqual([60, 40]);
    expect(limits(100, 20_000, 3, 20_000)).toEqual([48, 3, 49]);
  });

  it('are fewer than was wished for where it cannot, listener by listener', () => {
    expect(limits(100, 101)).toEqual([100]);
    expect(limits(100, 0)).toEqual([100]);
    expect(limits(100, 150, 50)).toEqual([50, 50]);
    expect(limits(100, 150, 40)).toEqual([60, 40]);
    expect(limits(100, 0, 100)).toEqual([50, 50]);
    expect(limits(101, 0, 0)).toEqual([50, 51]);
    expect(limits(1, 20, 20)).toEqual([1, 1]);
  });
});

describe('connections to backends within the files that may be open', () => {
  it('are as many as the clients where those take half', () => {
    expect(backendsWithin(1024, 2, listeners(420))).toBe(420);
  });

  it('have what the clients leave', () => {
    expect(backendsWithin(20_000, 2, listeners(11_400))).toBe(8192);
    expect(backendsWithin(20_000, 2, listeners(1000, 500))).toBe(18_092);
  });

  it('are some, however few may be open', () => {
    expect(backendsWithin(64, 2, listeners(8))).toBe(8);
  });
});

describe('so few files that no router starts', () => {
  it('are told, and one more is enough', () => {
    expect(() => requireFiles(67, 2)).toThrow(
      new LimitTooLow('expected that at least 68 files may be open with 2 workers (ulimit -n), found 67'),
    );
    expect(() => requireFiles(68, 2)).not.toThrow();
    expect(() => requireFiles(48, 0)).not.toThrow();
  });
});
