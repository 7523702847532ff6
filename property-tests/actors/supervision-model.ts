/**
 * What a static supervisor does, told naively and apart from it: children are booleans, nothing takes time, and
 * every consequence is worked out before the next thing happens. Written from OTP's documentation, with one liberty:
 * ends that happen in one instant are all accounted for before anybody is started again, where OTP would start
 * some only to stop them at once.
 */
export type ModelChild = { readonly id: string; readonly restart: 'permanent' | 'transient' | 'temporary' };
export type ModelStrategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

type Ended = { readonly id: string; readonly how: 'crash' | 'end' };

export class SupervisorModel {
  /** `start x`, `fail x`, `up x`, `stop x`, `crash x`, `end x`: what is to be seen outside. */
  readonly lines: string[] = [];
  escalated = false;
  readonly #children: readonly ModelChild[];
  readonly #strategy: ModelStrategy;
  readonly #intensity: number;
  readonly #periodMs: number;
  readonly #up = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #restartsAt: number[] = [];

  constructor(children: readonly ModelChild[], strategy: ModelStrategy, intensity: number, periodMs: number) {
    this.#children = children;
    this.#strategy = strategy;
    this.#intensity = intensity;
    this.#periodMs = periodMs;
    for (const { id } of children) this.#start(id);
  }

  running(): string[] {
    return this.#children.map(({ id }) => id).filter((id) => this.#up.has(id));
  }

  failNext(id: string, times: number): void {
    this.#failures.set(id, times);
  }

  /** One or several children end in the same instant, in this order. */
  end(ended: readonly Ended[], now: number): void {
    let unheard = ended.filter(({ id, how }) => this.#up.delete(id) && this.lines.push(`${how} ${id}`) > 0);
    let wanted: string[] = [];
    while (!this.escalated) {
      const [first, ...rest] = unheard;
      if (first !== undefined) {
        const group = this.#consequence(first, now);
        // Who is taken along has no consequence of its own any more.
        unheard = rest.filter(({ id }) => !group.includes(id));
        wanted = this.#inOrder([...wanted, ...group]);
        continue;
      }
      const next = wanted.shift();
      if (next === undefined) return;
      if (!this.#start(next)) unheard = [{ id: next, how: 'crash' }];
    }
  }

  /** Who is to be started again because of it, the others of the group being stopped. */
  #consequence({ id, how }: Ended, now: number): string[] {
    if (this.#isTemporary(id)) return [];
    if (how === 'end' && this.#children.some((child) => child.id === id && child.restart === 'transient'))
      return [];
    this.#restartsAt.push(now);
    if (this.#restartsAt.filter((at) => now - at <= this.#periodMs).length > this.#intensity) {
      this.escalated = true;
      this.#stop(this.#children.map((child) => child.id));
      return [];
    }
    const group = this.#groupOf(id);
    this.#stop(group);
    return group.filter((other) => !this.#isTemporary(other));
  }

  #groupOf(id: string): string[] {
    const all = this.#children.map((child) => child.id);
    if (this.#strategy === 'one_for_one') return [id];
    return this.#strategy === 'one_for_all' ? all : all.slice(all.indexOf(id));
  }

  #inOrder(ids: readonly string[]): string[] {
    if (this.#strategy === 'one_for_one') return [...new Set(ids)];
    return this.#children.map((child) => child.id).filter((id) => ids.includes(id));
  }

  #start(id: string): boolean {
    this.lines.push(`start ${id}`);
    const failures = this.#failures.get(id) ?? 0;
    if (failures > 0) {
      this.#failures.set(id, failures - 1);
      this.lines.push(`fail ${id}`);
      return false;
    }
    this.#up.add(id);
    this.lines.push(`up ${id}`);
    return true;
  }

  #stop(ids: readonly string[]): void {
    for (const id of ids.toReversed()) if (this.#up.delete(id)) this.lines.push(`stop ${id}`);
  }

  #isTemporary(id: string): boolean {
    return this.#children.find((child) => child.id === id)?.restart === 'temporary';
  }
}
