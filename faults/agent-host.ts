/** The host of a real agent: a containerd that hangs until systemd restarts it, on a bus of its own. */
import { randomBytes } from 'node:crypto'
import { createTestContainerd } from '../src/agent/cri/testing.ts'
import { asText, type Value, variant } from '../src/agent/dbus/codec.ts'
import type { Message } from '../src/agent/dbus/message.ts'
import { createTestBus, serve, type Service, type ServiceAnswer } from '../src/agent/dbus/testing.ts'

const SYSTEMD = 'org.freedesktop.systemd1'
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` }
const RUNTIME = 'containerd.service'
const JOB = '/org/freedesktop/systemd1/job/1'

export interface AgentHost {
  /** Flags of the agent that lead to this host. */
  readonly flags: readonly string[]
  /** How often systemd restarted the runtime. */
  restarts(): number
  close(): Promise<void>
}

/** `restarted` is called when the runtime answers again. */
export const createAgentHost = async (restarted: () => void): Promise<AgentHost> => {
  const containerd = await createTestContainerd()
  const bus = await createTestBus()
  await Promise.all([containerd.start(), bus.start()])
  await containerd.signal('SIGSTOP')
  let restarts = 0
  let isActive = true
  let invocation = randomBytes(16)

  const restart = async (service: Service): Promise<void> => {
    restarts += 1
    isActive = false
    await containerd.stop()
    await containerd.start()
    isActive = true
    invocation = randomBytes(16)
    restarted()
    service.signal({ ...MANAGER, member: 'JobRemoved', signature: 'uoss', body: [1, JOB, RUNTIME, 'done'] })
  }

  const propertyOf = (unit: string, name: string): readonly [signature: string, value: Value] => {
    const isRuntime = unit === RUNTIME
    switch (name) {
      case 'LoadState':
        return ['s', isRuntime ? 'loaded' : 'not-found']
      case 'ActiveState':
        return ['s', isRuntime ? (isActive ? 'active' : 'activating') : 'inactive']
      case 'UnitFileState':
        return ['s', isRuntime ? 'enabled' : '']
      case 'InvocationID':
        return ['ay', isRuntime ? invocation : Buffer.alloc(0)]
      default:
        return ['t', 0n]
    }
  }

  const units: string[] = []
  const answer = (call: Message, service: Service): ServiceAnswer => {
    switch (call.member) {
      case 'Subscribe':
        return { signature: '', body: [] }
      case 'LoadUnit':
        return { signature: 'o', body: [`/unit/${units.push(asText(call.body[0], 'unit')) - 1}`] }
      case 'Get': {
        const unit = units[Number(call.path?.split('/').at(-1))] ?? ''
        const [signature, value] = propertyOf(unit, asText(call.body[1], 'property'))
        return { signature: 'v', body: [variant(signature, value)] }
      }
      case 'RestartUnit':
        void restart(service)
        return { signature: 'o', body: [JOB] }
      default:
        return { errorName: `${SYSTEMD}.NoSuchUnit`, text: 'no such thing' }
    }
  }
  const systemd = await serve(bus.socket, SYSTEMD, answer)

  return {
    flags: [`--cri-socket=${containerd.socket}`, `--system-bus=${bus.socket}`],
    restarts: () => restarts,
    close: async () => {
      systemd.close()
      await Promise.all([containerd.remove(), bus.remove()])
    },
  }
}
