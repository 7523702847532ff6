import { describe, expect, it } from 'vitest';
import { type ActorInfo, type Branch, listActors } from '../../../actors/supervision/actor-info.ts';
import { noCounts } from '../../../actors/supervision/census.ts';
import { DynamicSupervisor } from '../../../actors/supervision/dynamic-supervisor.ts';
import { supervisorChild } from '../../../actors/supervision/supervisor-child.ts';
import { Tree } from '../../../actors/supervision/tree.ts';
import { createWorld } from '../../../actors/supervision/world.ts';
import { Diary } from '../../support/scripted-child.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function plant(intensity = 1) {
  const clock = new VirtualClock();
  const diary = new Diary(clock);
  const world = createWorld(clock, () => 0.5);
  const pools = new DynamicSupervisor(
    {
      id: 'pools',
      kind: 'pool',
      restart: 'permanent',
      shutdownMs: 100,
      intensity: 1,
      periodMs: 1000,
      start: (context) => diary.start(context),
    },
    world,
  );
  const window = { strategy: 'one_for_one', intensity, periodMs: 1000 } as const;
  const owners = supervisorChild({ id: 'owners', ...window, children: [pools.childSpec()] }, world);
  const children = [diary.child('log'), owners, diary.child('admin')];
  const tree = new Tree(supervisorChild({ id: 'root', ...window, children }, world), world);
  return { clock, diary, world, pools, tree };
}

function pages(tree: Tree, limit: number, between: () => void = () => {}): ActorInfo[][] {
  const all: ActorInfo[][] = [];
  let after: string | undefined;
  do {
    const page = tree.list(after === undefined ? { limit } : { after, limit });
    all.push([...page.actors]);
    after = page.next;
    between();
  } while (after !== undefined);
  return all;
}

const ids = (actors: readonly ActorInfo[]) => actors.map((actor) => actor.id);

describe('the listing', () => {
  it('shows every actor with its supervisor, depth first, in start order', async () => {
    const { tree, pools } = plant();
    await tree.start();
    pools.ensure('web');
    pools.ensure('api');
    const { actors } = tree.list({ limit: 100 });
    expect(actors.map(({ id, parent }) => [id, parent])).toEqual([
      ['root', undefined],
      ['log', 'root'],
      ['owners', 'root'],
      ['pools', 'owners'],
      ['pool:web', 'pools'],
      ['pool:api', 'pools'],
      ['admin', 'root'],
    ]);
  });

  it('counts the children of a supervisor by state', async () => {
    const { tree, pools } = plant();
    await tree.start();
    pools.ensure('web');
    pools.ensure('api');
    expect(tree.find('pools')?.children).toMatchObject({ running: 2, parked: 0 });
  });

  it('is the same whatever the size of a page', async () => {
    const { tree, pools } = plant();
    await tree.start();
    for (let n = 0; n < 20; n += 1) pools.ensure(`p${n}`);
    const whole = ids(tree.list({ limit: 100 }).actors);
    expect(whole).toHaveLength(25);
    for (let limit = 1; limit <= 26; limit += 1) {
      const paged = pages(tree, limit);
      expect(ids(paged.flat())).toEqual(whole);
      expect(paged.every((page) => page.length > 0)).toBe(true);
    }
  });

  it('shows who stays exactly once, while others come and go', async () => {
    const { tree, pools } = plant();
    await tree.start();
    for (let n = 0; n < 50; n += 1) pools.ensure(`p${n}`);
    let n = 0;
    const paged = pages(tree, 7, () => {
      void pools.stop(`p${n}`);
      pools.ensure(`new${n}`);
      n += 2;
    });
    const listed = ids(paged.flat());
    expect(new Set(listed).size).toBe(listed.length);
    for (let odd = 1; odd < 50; odd += 2) expect(listed).toContain(`pool:p${odd}`);
    expect(listed).toContain('admin');
  });
});

describe('a page after an actor that is gone', () => {
  it('begins with whoever is there after its place, and all that is below', () => {
    const leaf = (place: number): Branch => branch({ [place]: [`leaf-${place}`] });
    const page = listActors(branch({ 3: ['three', leaf(0)], 4: ['four'] }), { after: '2.5', limit: 10 });
    expect(ids(page.actors)).toEqual(['three', 'leaf-0', 'four']);
  });

  it('reuses places, so that coming and going costs nothing in the end', async () => {
    const { tree, pools } = plant();
    await tree.start();
    for (let n = 0; n < 100; n += 1) {
      pools.ensure(`p${n}`);
      await pools.stop(`p${n}`);
    }
    pools.ensure('last');
    expect(pools.branch.childFrom(0)).toMatchObject({ place: 0, info: { id: 'pool:last' } });
  });

  function branch(children: Readonly<Record<number, readonly [id: string, below?: Branch]>>): Branch {
    return {
      childFrom(from) {
        const place = Object.keys(children)
          .map(Number)
          .find((at) => at >= from);
        const child = place === undefined ? undefined : children[place];
        if (place === undefined || child === undefined) return undefined;
        const [id, below] = child;
        const info: ActorInfo = { id, kind: 'test', state: 'running', restarts: 0, sinceMs: 0 };
        return below === undefined ? { place, info } : { place, info, branch: below };
      },
      find: () => undefined,
      crashChild: () => 'unknown',
      counts: noCounts,
      countIn: () => {},
    };
  }
});

describe('the census', () => {
  it('counts whom the listing shows, by kind and state, and their restarts', async () => {
    const { clock, tree, pools } = plant(3);
    await tree.start();
    for (let n = 0; n < 5; n += 1) pools.ensure(`p${n}`);
    await clock.settle();
    for (const id of ['pool:p3', 'admin']) tree.crash(id, new Error('on purpose'));
    await clock.settle();
    const { kinds } = tree.census();
    const counted = [...kinds].flatMap(([kind, { states }]) =>
      Object.entries(states).flatMap(([state, n]) => new Array<string>(n).fill(`${kind} ${state}`)),
    );
    const { actors } = tree.list({ limit: 100 });
    expect(counted.toSorted()).toEqual(actors.map(({ kind, state }) => `${kind} ${state}`).toSorted());
    expect(counted).toContain('pool running');
    const restarts = [...kinds].map(([, each]) => each.restarts).reduce((a, b) => a + b);
    expect(restarts).toBe(actors.reduce((sum, each) => sum + each.restarts, 0));
    expect(restarts).toBe(2);
  });
});

describe('the root', () => {
  it('fails to start as its children do', async () => {
    const { diary, tree } = plant();
    diary.failNext('admin', 1);
    await expect(tree.start()).rejects.toThrow(
      'root did not start, because admin crashed: admin cannot start',
    );
    expect(await tree.ended).toMatchObject({ type: 'crashed' });
  });

  it('tells that it ended, when all below it has given up', async () => {
    const { clock, diary, tree } = plant(0);
    await tree.start();
    diary.crash('log');
    await clock.settle();
    expect(await tree.ended).toMatchObject({ type: 'crashed', error: { code: 'restarts_exceeded' } });
    expect(tree.find('root')?.state).toBe('stopped');
  });

  it('stops everything in reverse order', async () => {
    const { diary, tree, pools } = plant();
    await tree.start();
    pools.ensure('web');
    diary.take();
    await tree.stop();
    expect(diary.take()).toEqual([
      'stop admin',
      'down admin',
      'stop web',
      'down web',
      'stop log',
      'down log',
    ]);
    expect(await tree.ended).toEqual({ type: 'normal' });
  });

  it.each(['log', 'owners', 'pools', 'pool:web', 'admin'])(
    'has %s crashed by its id, and back',
    async (id) => {
      const { clock, tree, pools } = plant();
      await tree.start();
      pools.ensure('web');
      expect(tree.crash(id, new Error('sabotage'))).toBe('crashed');
      await clock.settle();
      const again = { state: 'running', restarts: 1, lastError: { message: 'sabotage' } };
      expect(tree.find(id)).toMatchObject(again);
      const root = { state: 'running', restarts: 0, children: { running: 3, restarting: 0 } };
      expect(tree.find('root')).toMatchObject(root);
    },
  );

  it('does not know how to crash what is not there', async () => {
    const { tree } = plant();
    await tree.start();
    expect(tree.crash('nobody', new Error('sabotage'))).toBe('unknown');
  });

  it('goes on when a listener throws', async () => {
    const { clock, diary, tree } = plant();
    const heard: string[] = [];
    tree.observe(() => {
      throw new Error('a bad listener');
    });
    tree.observe((event) => heard.push(`${event.type} ${event.id}`));
    await tree.start();
    diary.crash('log');
    await clock.settle();
    expect(heard).toEqual([
      'started log',
      'started pools',
      'started owners',
      'started admin',
      'started root',
      'crashed log',
      'restarted log',
    ]);
  });
});
