/** systemd of a machine as far as the installer needs it: it runs transient services, on a bus of its own, and tells how they end. */
import { asText, asVariant, type Value, variant } from '../../src/agent/dbus/codec.ts'
import type { Message } from '../../src/agent/dbus/message.ts'
import { serve, type Service, type ServiceAnswer } from '../../src/agent/dbus/testing.ts'
import type { Machine } from '../../testbed/machine/machine.ts'

const SYSTEMD = 'org.freedesktop.systemd1'
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` }

/** A transient service that was started. */
export interface Unit {
  readonly name: string
  /** What its programs printed: what the journal of the machine would hold. */
  output: string
  /** Of the last program that ran. */
  status: number
  result: 'success' | 'exit-code'
  /** Whose reference keeps it loaded. */
  readonly sender: string | undefined
}

const properties = (list: Value | undefined): ReadonlyMap<string, Value> =>
  new Map(
    (Array.isArray(list) ? list : []).map((each): [string, Value] => {
      const [name, value]: readonly Value[] = Array.isArray(each) ? each : []
      return [asText(name, 'the name of a property'), asVariant(value, 'property').value]
    }),
  )

/** Programs one after the other, as a oneshot service has them: the first that fails ends it, unless it may. */
const execute = async (machine: Machine, unit: Unit, given: ReadonlyMap<string, Value>): Promise<void> => {
  const assignments = (given.get('Environment') ?? []) as readonly string[]
  const env = Object.fromEntries(assignments.map((each) => each.split(/=(.*)/s).slice(0, 2) as [string, string]))
  const [succeeds] = (given.get('SuccessExitStatus') ?? [[]]) as readonly (readonly number[])[]
  for (const command of (given.get('ExecStart') ?? []) as readonly (readonly Value[])[]) {
    const [, argv, mayFail] = command as readonly [string, readonly string[], boolean]
    const { status, output } = await machine.run(argv, env)
    unit.status = status
    unit.output += output
    if (status === 0 || succeeds?.includes(status) === true || mayFail) continue
    unit.result = 'exit-code'
    return
  }
}

export interface MachineSystemd {
  /** All that were started, in order. */
  readonly units: readonly Unit[]
  close(): void
}

export const serveSystemd = async (socket: string, machine: Machine): Promise<MachineSystemd> => {
  const units: Unit[] = []
  const start = (call: Message, self: Service): ServiceAnswer => {
    const [given, , list] = call.body
    const name = asText(given, "the unit's name")
    const known = units.find((each) => each.name === name)
    // A unit stays loaded for as long as its reference does: systemd starts none of its name meanwhile.
    if (known !== undefined && known.sender === call.sender) {
      return { errorName: `${SYSTEMD}.UnitExists`, text: `Unit ${name} was already loaded` }
    }
    const unit: Unit = { name, output: '', status: 0, result: 'success', sender: call.sender }
    const job = `/job/${units.push(unit)}`
    void execute(machine, unit, properties(list)).then(() => {
      const body = [units.length, job, unit.name, unit.result === 'success' ? 'done' : 'failed']
      self.signal({ ...MANAGER, member: 'JobRemoved', signature: 'uoss', body })
    })
    return { signature: 'o', body: [job] }
  }
  const service = await serve(socket, SYSTEMD, (call, self): ServiceAnswer => {
    switch (call.member) {
      case 'Subscribe':
        return { signature: '', body: [] }
      case 'StartTransientUnit':
        return start(call, self)
      case 'LoadUnit':
        return { signature: 'o', body: [`/unit/${units.findLastIndex(({ name }) => name === call.body[0])}`] }
      case 'Get': {
        const unit = units[Number(call.path?.split('/').at(-1))]
        const isResult = call.body[1] === 'Result'
        return { signature: 'v', body: [isResult ? variant('s', unit?.result ?? '') : variant('i', unit?.status ?? 0)] }
      }
      default:
        return { errorName: `${SYSTEMD}.Unknown`, text: call.member ?? '' }
    }
  })
  return { units, close: () => service.close() }
}
