import { describe, expect, test } from 'vitest'
import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { createManualClock, sleep } from '../../runtime/clock.ts'
import { GrpcError, NoAnswer, UnexpectedAnswer } from '../cri/grpc.ts'
import type { Cri, Sandbox, Systemd, UnitState } from '../host/host.ts'
import { createRestartRuntime } from './restart-runtime.ts'
import type { TaskBefore } from './verb.ts'

type RestartOptions = NonNullable<NodeTaskSpec['restartRuntime']>

const MINUTE = 60_000
const BOOT = 'boot-1'
const READY: Sandbox = { id: 's1', state: 'ready', createdAt: 0 }
const STALE: Sandbox = { id: 's2', state: 'notready', createdAt: 0 }

const chainsWith = (name: string): NodeInspection['chains'] => ({
  known: true,
  list: ['filter', 'nat'].map((table) => ({ backend: 'nft' as const, family: 'ip' as const, table, name })),
})
const THERE = chainsWith('DOCKER')
const GONE = chainsWith('FORWARD')

const codeError = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

/** A node whose parts a test sets as it likes; a restart starts the unit anew unless `restart` says otherwise. */
const createNode = () => {
  const clock = createManualClock()
  const node = {
    unit: { load: 'loaded', active: 'active', enabled: 'enabled', invocationId: 'i1' } as Partial<UnitState>,
    chains: THERE,
    docker: { known: true, installed: true, managesChains: true } as NodeInspection['docker'],
    version: (): string => 'containerd',
    sandboxes: {} as Readonly<Record<string, readonly Sandbox[]>>,
    boot: BOOT,
    cri: true,
    busGone: false,
    restart: async (): Promise<string> => {
      await sleep(clock, 700)
      node.unit = { ...node.unit, active: 'active', invocationId: 'i2' }
      node.chains = THERE
      return 'done'
    },
  }
  const restarts: string[] = []
  const systemd: Systemd = {
    unit: async (name) => {
      if (node.busGone) throw new Error('connecting to the message bus')
      return { name, load: 'loaded', active: 'active', enabled: '', ...node.unit }
    },
    commands: () => Promise.reject(new Error('a restart asks for no command line')),
    restart: (name) => {
      restarts.push(name)
      return node.restart()
    },
    close: () => {},
  }
  const unused = () => Promise.reject(new Error('no sandbox is touched by a restart'))
  const cri: Cri = {
    version: async (timeoutMs) => {
      try {
        return { name: node.version(), version: '2.0', tookMs: 3 }
      } catch (cause) {
        if (cause instanceof NoAnswer) await sleep(clock, timeoutMs)
        throw new Error('asking the container runtime for Version', { cause })
      }
    },
    sandboxesOf: async (podUid) => node.sandboxes[podUid] ?? [],
    runningContainers: unused,
    stop: unused,
    remove: unused,
    close: () => {},
  }
  const inspection = { at: 'then' } as unknown as NodeInspection
  const verb = () =>
    createRestartRuntime({
      systemd,
      cri: node.cri ? cri : undefined,
      chains: async () => node.chains,
      docker: async () => node.docker,
      inspect: async () => inspection,
      bootId: async () => node.boot,
      clock,
    })
  return { node, clock, verb, restarts, inspection }
}
type Node = ReturnType<typeof createNode>['node']

const spec = (options: RestartOptions): NodeTaskSpec => ({
  nodeName: 'n1',
  nodeUid: 'u1',
  verb: 'RestartRuntime',
  deadline: '2030-01-01T00:01:00Z',
  restartRuntime: options,
})
const DOCKER = spec({ runtime: 'docker', reason: 'ChainMissing' })
const SILENT = spec({ runtime: 'containerd', reason: 'Unresponsive' })
const STUCK = spec({ runtime: 'containerd', reason: 'SandboxesStuck', podUids: ['p1', 'p2'] })

const silent = () => {
  throw new NoAnswer('no answer within 5000 ms')
}
const throwing = (error: Error) => () => {
  throw error
}

/** What was answered, with time moved on until it was. */
const until = async <Result>(
  clock: ReturnType<typeof createManualClock>,
  promise: Promise<Result>,
): Promise<Result> => {
  await clock.advance(2 * MINUTE)
  return promise
}

describe('a restart is refused or begun', () => {
  const begun = 'begun'
  test.each<[string, NodeTaskSpec, (node: Node) => void, string]>([
    ['chain missing', DOCKER, (node) => (node.chains = GONE), begun],
    [
      'chain missing, unit failed',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.unit = { active: 'failed', enabled: 'enabled' }
      },
      begun,
    ],
    [
      'chain missing, unit active though not enabled',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.unit = { active: 'active', enabled: 'disabled' }
      },
      begun,
    ],
    ['chain there', DOCKER, () => {}, 'NotNeeded'],
    [
      'chain missing that Docker does not make',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.docker = { known: true, managesChains: false }
      },
      'NotNeeded',
    ],
    [
      'chain missing, unknown whether Docker makes it',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.docker = { known: false, why: '--docker-config is not set' }
      },
      'ProbeFailed',
    ],
    ['chain cannot be seen', DOCKER, (node) => (node.chains = { known: false, why: 'no' }), 'ProbeFailed'],
    [
      'chain missing, but it is not its runtime',
      spec({ runtime: 'containerd', reason: 'ChainMissing' }),
      (node) => (node.chains = GONE),
      'NotNeeded',
    ],
    [
      'no such unit',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.unit = { load: 'not-found', active: 'inactive' }
      },
      'UnitMissing',
    ],
    [
      'unit masked',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.unit = { load: 'masked', active: 'inactive' }
      },
      'UnitMissing',
    ],
    [
      'a restart under way already',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.unit = { active: 'activating', enabled: 'enabled' }
      },
      'NotNeeded',
    ],
    [
      'unit that nobody means to run',
      DOCKER,
      (node) => {
        node.chains = GONE
        node.unit = { active: 'inactive', enabled: 'disabled' }
      },
      'UnitMissing',
    ],
    ['runtime silent', SILENT, (node) => (node.version = silent), begun],
    [
      'runtime that takes no connections',
      SILENT,
      (node) => (node.version = throwing(codeError('ECONNREFUSED'))),
      begun,
    ],
    [
      'runtime without a socket, not running',
      SILENT,
      (node) => {
        node.version = throwing(codeError('ENOENT'))
        node.unit = { active: 'failed', enabled: 'enabled' }
      },
      begun,
    ],
    [
      'runtime that runs without the socket',
      SILENT,
      (node) => (node.version = throwing(codeError('ENOENT'))),
      'ProbeFailed',
    ],
    ['socket that may not be opened', SILENT, (node) => (node.version = throwing(codeError('EACCES'))), 'ProbeFailed'],
    [
      'runtime that says that time ran out',
      SILENT,
      (node) => (node.version = throwing(new GrpcError(4, 'late'))),
      begun,
    ],
    [
      'runtime that answers with an error',
      SILENT,
      (node) => (node.version = throwing(new GrpcError(12, 'unknown service'))),
      'NotNeeded',
    ],
    [
      'socket at which something else answers',
      SILENT,
      (node) => (node.version = throwing(new UnexpectedAnswer('it answered with HTTP status 404'))),
      'ProbeFailed',
    ],
    ['runtime that answers', SILENT, () => {}, 'NotNeeded'],
    ['no socket given', SILENT, (node) => (node.cri = false), 'ProbeFailed'],
    ['a pod without any sandbox', STUCK, (node) => (node.sandboxes = { p1: [READY] }), 'NotNeeded'],
    ['a pod with a sandbox that is not ready', STUCK, (node) => (node.sandboxes = { p1: [READY], p2: [STALE] }), begun],
    [
      'each pod with a ready sandbox',
      STUCK,
      (node) => (node.sandboxes = { p1: [STALE, READY], p2: [READY] }),
      'NotNeeded',
    ],
    ['no pods named', spec({ runtime: 'containerd', reason: 'SandboxesStuck' }), () => {}, 'NotNeeded'],
    [
      'a runtime that was started minutes ago, whatever sandbox is dead',
      STUCK,
      (node) => {
        node.sandboxes = { p1: [STALE] }
        node.unit = { ...node.unit, activeSince: '2029-12-31T23:45:00Z' }
      },
      'NotNeeded',
    ],
    [
      'a dead sandbox, and a runtime that was started long ago',
      STUCK,
      (node) => {
        node.sandboxes = { p1: [STALE] }
        node.unit = { ...node.unit, activeSince: '2029-12-31T23:15:00Z' }
      },
      begun,
    ],
    ['sandboxes of another runtime', STUCK, (node) => (node.version = () => 'cri-o'), 'NotNeeded'],
    ['no socket given', STUCK, (node) => (node.cri = false), 'ProbeFailed'],
  ])('%s', async (_, options, set, expected) => {
    const { node, clock, verb, restarts } = createNode()
    set(node)
    const before = await until(clock, verb().prepare(options))
    if (expected === begun) expect(before).toMatchObject({ bootId: BOOT })
    else expect(before).toMatchObject({ phase: 'Refused', reason: expected, message: expect.any(String) })
    expect(restarts).toEqual([])
  })

  test('with the invocation of the unit, where it has one', async () => {
    const { node, verb } = createNode()
    node.chains = GONE
    expect(await verb().prepare(DOCKER)).toEqual({ bootId: BOOT, invocationId: 'i1' })
    node.unit = { active: 'inactive', enabled: 'enabled' }
    expect(await verb().prepare(DOCKER)).toEqual({ bootId: BOOT })
  })

  test('a runtime that is silent once and then answers is not restarted', async () => {
    const { node, clock, verb } = createNode()
    let asked = 0
    node.version = () => {
      asked += 1
      return asked === 1 ? silent() : 'containerd'
    }
    expect(await until(clock, verb().prepare(SILENT))).toMatchObject({ phase: 'Refused', reason: 'NotNeeded' })
    expect(asked).toBe(2)
  })

  test('that of which systemd cannot tell is not begun', async () => {
    const { verb } = createNode()
    const broken = { ...DOCKER, restartRuntime: undefined } as unknown as NodeTaskSpec
    await expect(verb().prepare(broken)).rejects.toThrow('does not name a runtime')
  })
})

describe('a restart', () => {
  const before: TaskBefore = { bootId: BOOT, invocationId: 'i1' }
  const run = (scene: ReturnType<typeof createNode>, options: NodeTaskSpec) => {
    const answer = scene.verb().run(options, before, scene.clock.now() + MINUTE)
    return until(scene.clock, answer)
  }

  test.each([
    [DOCKER, 'restarted docker.service in 0.7 s; it is active and chain DOCKER exists', 'docker.service'],
    [SILENT, 'restarted containerd.service in 0.7 s; it is active and the runtime responds', 'containerd.service'],
    [
      spec({ runtime: 'crio', reason: 'Unresponsive' }),
      'restarted crio.service in 0.7 s; it is active and the runtime responds',
      'crio.service',
    ],
    [
      spec({ runtime: 'docker', reason: 'SandboxesStuck', podUids: ['p1'] }),
      'restarted docker.service in 0.7 s; it is active and the runtime responds',
      'docker.service',
    ],
  ])('is done once what was missing is there again, and says what is seen then', async (options, message, unit) => {
    const scene = createNode()
    scene.node.chains = GONE
    expect(await run(scene, options)).toEqual({
      phase: 'Succeeded',
      reason: 'Done',
      message,
      inspection: scene.inspection,
    })
    expect(scene.restarts).toEqual([unit])
  })

  test('waits for what comes a little later than systemd says so', async () => {
    const scene = createNode()
    scene.node.version = silent
    scene.clock.setTimeout(() => (scene.node.version = () => 'containerd'), 20_000)
    expect(await run(scene, SILENT)).toMatchObject({
      phase: 'Succeeded',
      message: expect.stringContaining('the runtime responds'),
    })
  })

  test.each<[string, NodeTaskSpec, (node: Node) => void, string]>([
    [
      'the chain',
      DOCKER,
      (node) => {
        node.restart = async () => 'done'
        node.chains = GONE
      },
      'but chain DOCKER is missing from tables filter and nat',
    ],
    ['the runtime', SILENT, (node) => (node.version = silent), 'no answer within 5000 ms'],
    [
      'the unit',
      DOCKER,
      (node) => {
        node.restart = async () => {
          node.unit = { active: 'failed', invocationId: 'i2' }
          return 'done'
        }
      },
      'but docker.service is failed',
    ],
  ])(
    'after which %s is not there has failed by its deadline, with what is seen then',
    async (_, options, set, words) => {
      const scene = createNode()
      set(scene.node)
      const answer = await run(scene, options)
      expect(answer).toMatchObject({ phase: 'Failed', reason: 'TimedOut', inspection: scene.inspection })
      expect(answer.message).toContain(words)
      expect(scene.restarts).toHaveLength(1)
    },
  )

  test.each([
    ['failed', 'Error'],
    ['timeout', 'TimedOut'],
    // As everything is stopped when a node goes down.
    ['canceled', 'Interrupted'],
  ])('that systemd ends with %s has failed', async (result, reason) => {
    const scene = createNode()
    scene.node.restart = async () => result
    expect(await run(scene, DOCKER)).toMatchObject({
      phase: 'Failed',
      reason,
      message: expect.stringContaining(result),
    })
  })

  test('of which the bus lost the result is done where the unit was started anew, else failed', async () => {
    const scene = createNode()
    scene.node.restart = async () => {
      scene.node.unit = { ...scene.node.unit, invocationId: 'i2' }
      throw new Error('the message bus went away')
    }
    expect(await run(scene, DOCKER)).toMatchObject({ phase: 'Succeeded' })
    const other = createNode()
    other.node.restart = throwing(new Error('the message bus went away')) as () => Promise<string>
    expect(await run(other, DOCKER)).toMatchObject({ phase: 'Failed', reason: 'Error' })
  })

  test('whose job was canceled for another is done where that one started the unit anew', async () => {
    const scene = createNode()
    scene.node.restart = async () => {
      scene.node.unit = { ...scene.node.unit, active: 'activating' }
      scene.clock.setTimeout(() => (scene.node.unit = { active: 'active', invocationId: 'i2' }), 3_000)
      return 'canceled'
    }
    expect(await run(scene, DOCKER)).toMatchObject({ phase: 'Succeeded', reason: 'Done' })
  })

  test('that goes on while the bus is lost is waited for, and the bus asked again', async () => {
    const scene = createNode()
    const { clock, node } = scene
    node.restart = async () => {
      node.unit = { ...node.unit, active: 'deactivating' }
      node.busGone = true
      clock.setTimeout(() => (node.busGone = false), 5_000)
      clock.setTimeout(() => (node.unit = { active: 'active', invocationId: 'i2' }), 9_000)
      throw new Error('the message bus went away')
    }
    expect(await run(scene, DOCKER)).toMatchObject({ phase: 'Succeeded' })
  })

  test('of which the bus never tells again is not said to be undone', async () => {
    const scene = createNode()
    scene.node.restart = async () => {
      scene.node.busGone = true
      throw new Error('the message bus went away')
    }
    expect(await run(scene, DOCKER)).toMatchObject({
      phase: 'Failed',
      message: expect.stringContaining('its result is unknown'),
    })
  })

  test.each([
    ['has failed', 'failed', 'docker.service is failed'],
    ['is on its way up again', 'activating', 'docker.service is activating'],
  ])('after which the unit comes up and dies is no success: it %s', async (_, active, words) => {
    const scene = createNode()
    const restart = scene.node.restart
    scene.node.restart = async () => {
      scene.clock.setTimeout(() => (scene.node.unit = { active, invocationId: 'i2' }), 1_500)
      return restart()
    }
    const answer = await run(scene, DOCKER)
    expect(answer).toMatchObject({ phase: 'Failed', reason: 'TimedOut' })
    expect(answer.message).toContain(words)
  })

  test('after which the unit is started over and over is no success', async () => {
    const scene = createNode()
    let starts = 1
    const again = () => {
      starts += 1
      scene.node.unit = { active: 'active', invocationId: `i${starts}` }
      scene.clock.setTimeout(again, 1_000)
    }
    scene.node.restart = async () => {
      again()
      return 'done'
    }
    const answer = await run(scene, DOCKER)
    expect(answer).toMatchObject({ phase: 'Failed', reason: 'TimedOut' })
    expect(answer.message).toContain('does not stay active')
  })

  test('is not begun after its deadline', async () => {
    const { verb, clock, restarts } = createNode()
    expect(await verb().run(DOCKER, before, clock.now())).toMatchObject({ phase: 'Failed', reason: 'TimedOut' })
    expect(restarts).toEqual([])
  })
})

describe('after a restart of the agent', () => {
  const noted: TaskBefore = { bootId: BOOT, invocationId: 'i1' }
  test.each<[string, (node: Node) => void, TaskBefore, string]>([
    ['the same invocation means not done', () => {}, noted, 'again'],
    [
      'another invocation means done',
      (node) => (node.unit = { invocationId: 'i2' }),
      noted,
      'detected after the agent restarted',
    ],
    [
      'another boot means done',
      (node) => {
        node.unit = { invocationId: 'i2' }
        node.boot = 'boot-2'
      },
      noted,
      'the node rebooted',
    ],
    [
      'a first invocation means done',
      (node) => (node.unit = { invocationId: 'i2' }),
      {},
      'detected after the agent restarted',
    ],
    [
      'no invocation at all means not done',
      (node) => (node.unit = { active: 'inactive', enabled: 'enabled' }),
      { bootId: BOOT },
      'again',
    ],
    [
      'another invocation without the chain has failed',
      (node) => {
        node.unit = { invocationId: 'i2' }
        node.chains = GONE
      },
      noted,
      'chain DOCKER is missing',
    ],
    [
      'another invocation that failed has failed',
      (node) => (node.unit = { invocationId: 'i2', active: 'failed' }),
      noted,
      'docker.service is failed',
    ],
  ])('%s', async (_, set, before, expected) => {
    const { node, clock, verb, restarts } = createNode()
    node.unit = { invocationId: 'i1' }
    set(node)
    const answer = await until(clock, verb().recover(DOCKER, before))
    expect(answer === 'again' ? answer : answer.message).toContain(expected)
    expect(answer === 'again' || (answer.phase === 'Failed') === /missing|failed/.test(expected)).toBe(true)
    expect(restarts).toEqual([])
  })

  test('a restart that is still under way is waited for', async () => {
    const { node, clock, verb } = createNode()
    node.unit = { active: 'deactivating', invocationId: 'i1' }
    clock.setTimeout(() => (node.unit = { active: 'activating', invocationId: 'i2' }), 5_000)
    clock.setTimeout(() => (node.unit = { active: 'active', invocationId: 'i2' }), 9_000)
    expect(await until(clock, verb().recover(DOCKER, noted))).toMatchObject({ phase: 'Succeeded' })
  })
})
