import { describe, expect, test } from 'vitest'
import type { NodeTaskSpec } from '../../api/node-task.ts'
import { createManualClock } from '../../runtime/clock.ts'
import type { Cri, Sandbox } from '../host/host.ts'
import { createRecycleSandbox } from './recycle-sandbox.ts'

const MINUTE = 60_000

interface Held {
  readonly podUid: string
  readonly sandbox: Sandbox
  running: number
}

/** A runtime that holds these sandboxes; `on` is asked first and may throw or wait. */
const runtime = (held: Held[], on: (doing: string) => Promise<void> | void = () => {}) => {
  const acts: string[] = []
  const cri: Cri = {
    version: () => Promise.reject(new Error('not asked here')),
    sandboxesOf: async (podUid) => {
      await on('list')
      return held.filter((each) => each.podUid === podUid).map(({ sandbox }) => sandbox)
    },
    runningContainers: async (id) => held.find(({ sandbox }) => sandbox.id === id)?.running ?? 0,
    stop: async (id) => {
      acts.push(`stop ${id}`)
      await on(`stop ${id}`)
    },
    remove: async (id) => {
      acts.push(`remove ${id}`)
      await on(`remove ${id}`)
      held.splice(0, held.length, ...held.filter(({ sandbox }) => sandbox.id !== id))
    },
    close: () => {},
  }
  return { cri, acts, left: () => held.map(({ sandbox }) => sandbox.id) }
}

const sandbox = (id: string, podUid = 'pod-1', running = 0, createdAt = 0): Held => ({
  podUid,
  sandbox: { id, state: 'ready', createdAt },
  running,
})

const spec: NodeTaskSpec = {
  nodeName: 'n1',
  nodeUid: 'u1',
  verb: 'RecycleSandbox',
  deadline: '2030-01-01T00:01:00Z',
  recycleSandbox: { podUid: 'pod-1' },
}

const scene = (held: Held[], on?: (doing: string) => Promise<void> | void) => {
  const clock = createManualClock()
  const node = runtime(held, on)
  return { ...node, clock, verb: createRecycleSandbox({ cri: node.cri, clock }), deadline: clock.now() + MINUTE }
}
const saying = (words: string) => {
  throw new Error('asking the container runtime', { cause: new Error(words) })
}

describe('before a sandbox is recycled', () => {
  test('those of that pod are noted, the oldest first', async () => {
    const { verb } = scene([sandbox('new', 'pod-1', 0, 20), sandbox('other', 'pod-2'), sandbox('old', 'pod-1', 0, 10)])
    expect(await verb.prepare(spec)).toEqual({ sandboxes: ['old', 'new'] })
  })

  test('one in which a container runs refuses all of them', async () => {
    const { verb } = scene([sandbox('old'), sandbox('busy', 'pod-1', 2)])
    expect(await verb.prepare(spec)).toEqual({
      phase: 'Refused',
      reason: 'SandboxInUse',
      message: '2 containers are running in sandbox busy of pod pod-1',
    })
  })

  test('a pod without any is done already', async () => {
    const { verb } = scene([sandbox('other', 'pod-2', 1)])
    expect(await verb.prepare(spec)).toMatchObject({ phase: 'Succeeded', reason: 'AlreadyDone' })
  })

  test('no more than an answer can hold are taken on', async () => {
    const { verb } = scene(Array.from({ length: 70 }, (_, index) => sandbox(`s${index}`)))
    const before = await verb.prepare(spec)
    expect('sandboxes' in before && before.sandboxes).toHaveLength(64)
  })
})

describe('recycling a sandbox', () => {
  test('stops and removes it, and touches no other', async () => {
    const { verb, deadline, acts, left } = scene([sandbox('s1'), sandbox('other', 'pod-2', 1)])
    expect(await verb.run(spec, { sandboxes: ['s1'] }, deadline)).toMatchObject({ phase: 'Succeeded', reason: 'Done' })
    expect(acts).toEqual(['stop s1', 'remove s1'])
    expect(left()).toEqual(['other'])
  })

  test('leaves alone one that the kubelet made since', async () => {
    const { verb, deadline, left } = scene([sandbox('s1'), sandbox('since')])
    expect(await verb.run(spec, { sandboxes: ['s1'] }, deadline)).toMatchObject({ phase: 'Succeeded' })
    expect(left()).toEqual(['since'])
  })

  test('touches nothing where a container began to run since', async () => {
    const { verb, deadline, acts } = scene([sandbox('s1', 'pod-1', 1), sandbox('s2')])
    expect(await verb.run(spec, { sandboxes: ['s2', 's1'] }, deadline)).toMatchObject({
      phase: 'Refused',
      reason: 'SandboxInUse',
    })
    expect(acts).toEqual([])
  })

  test('removes one that cannot be stopped, where the runtime does it', async () => {
    const { verb, deadline, left } = scene([sandbox('s1')], (doing) => {
      if (doing.startsWith('stop')) saying('netns is gone')
    })
    expect(await verb.run(spec, { sandboxes: ['s1'] }, deadline)).toMatchObject({ phase: 'Succeeded' })
    expect(left()).toEqual([])
  })

  test("quotes the runtime where it can neither stop nor remove it, and goes on with the pod's others", async () => {
    const words = `failed to destroy network for sandbox: ${'x'.repeat(2_000)}`
    const { verb, deadline, left } = scene([sandbox('s1'), sandbox('s2')], (doing) => {
      if (doing.endsWith('s1')) saying(words)
    })
    const answer = await verb.run(spec, { sandboxes: ['s1', 's2'] }, deadline)
    expect(answer).toMatchObject({ phase: 'Failed', reason: 'Error' })
    expect(answer.message).toContain('sandbox s1 could not be removed: asking the container runtime: failed to destroy')
    expect(answer.message).toContain('could not be stopped')
    expect(answer.message.length).toBeLessThan(1_024)
    expect(left()).toEqual(['s1'])
  })

  test('leaves alone one in which a container began to run while another was being removed', async () => {
    const held = [sandbox('s1'), sandbox('s2')]
    const [, second] = held
    const { verb, deadline, acts, left } = scene(held, (doing) => {
      if (doing === 'remove s1' && second) second.running = 1
    })
    expect(await verb.run(spec, { sandboxes: ['s1', 's2'] }, deadline)).toMatchObject({
      phase: 'Failed',
      message: expect.stringContaining('a container is running in sandbox s2'),
    })
    expect(acts).toEqual(['stop s1', 'remove s1'])
    expect(left()).toEqual(['s2'])
  })

  test('is done where the runtime gave a bad word, and lists it no more', async () => {
    const { cri, clock, deadline } = scene([sandbox('s1')])
    const remove = async (id: string) => {
      await cri.remove(id)
      saying('no answer within 120000 ms')
    }
    const verb = createRecycleSandbox({ cri: { ...cri, remove }, clock })
    expect(await verb.run(spec, { sandboxes: ['s1'] }, deadline)).toMatchObject({ phase: 'Succeeded', reason: 'Done' })
  })

  test('has failed where the runtime said that it removed it, and lists it still', async () => {
    const { cri, clock, deadline } = scene([sandbox('s1')])
    const verb = createRecycleSandbox({ cri: { ...cri, remove: async () => {} }, clock })
    expect(await verb.run(spec, { sandboxes: ['s1'] }, deadline)).toMatchObject({
      phase: 'Failed',
      message: 'pod pod-1: the runtime still lists its sandbox',
    })
  })

  test('is given up at its deadline, and what answers later is not gone on with', async () => {
    const late = Promise.withResolvers<void>()
    const { verb, deadline, clock, acts } = scene([sandbox('s1'), sandbox('s2')], (doing) =>
      doing === 'stop s1' ? late.promise : undefined,
    )
    const answer = verb.run(spec, { sandboxes: ['s1', 's2'] }, deadline)
    await clock.advance(MINUTE)
    expect(await answer).toMatchObject({ phase: 'Failed', reason: 'TimedOut' })
    late.resolve()
    await clock.advance(MINUTE)
    expect(acts).toEqual(['stop s1'])
    expect(clock.pending()).toBe(0)
  })
})

describe('after a restart of the agent', () => {
  test.each<[string, readonly string[], readonly string[], 'again' | 'Succeeded']>([
    ['sandboxes that are gone were recycled', ['s1'], ['s2'], 'Succeeded'],
    ['a sandbox that is there is recycled again', ['s1', 's2'], ['s2'], 'again'],
    ['an intent without sandboxes is carried out again', [], [], 'again'],
  ])('%s', async (_, noted, there, expected) => {
    const { verb, acts } = scene(there.map((id) => sandbox(id)))
    const recover = await verb.recover(spec, { sandboxes: [...noted] })
    expect(recover === 'again' ? recover : recover.phase).toBe(expected)
    expect(acts).toEqual([])
  })

  test.each([
    [['s1'], 'the sandbox of pod'],
    [['s1', 's2'], 'the 2 sandboxes of pod'],
  ])('%j is told of in a sentence that a person would say', async (noted, words) => {
    const recovered = await scene([]).verb.recover(spec, { sandboxes: noted })
    const verb = noted.length === 1 ? 'is gone' : 'are gone'
    expect(recovered === 'again' ? recovered : recovered.message).toMatch(
      new RegExp(`^${words} \\S+ ${verb} \\(detected after the agent restarted\\)`),
    )
  })
})
