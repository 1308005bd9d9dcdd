import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import type { Clock } from '../../runtime/clock.ts'
import { asText, type Value } from '../dbus/codec.ts'
import { type Bus, openBus } from '../dbus/connection.ts'
import { loadUnit, subscribeToJobs, unitCommands, unitProperty } from '../dbus/systemd-manager.ts'
import type { Systemd, UnitState } from './host.ts'

interface SystemdOptions {
  /** Socket of the system bus. */
  readonly path: string
  readonly clock: Clock
}

const RESTARTABLE: ReadonlySet<string> = new Set(Object.values(RUNTIME_UNITS))

/** Time of systemd, µs since 1970, as RFC 3339; zero where it never was. */
const timeOf = (value: Value): string | undefined =>
  typeof value === 'bigint' && value > 0n ? new Date(Number(value / 1000n)).toISOString() : undefined

const stateOf = async (bus: Bus, name: string): Promise<UnitState> => {
  const path = await loadUnit(bus, name)
  const [load, active, enabled, invocation, since = 0n] = await Promise.all(
    ['LoadState', 'ActiveState', 'UnitFileState', 'InvocationID', 'ActiveEnterTimestamp'].map((property) =>
      unitProperty(bus, path, property),
    ),
  )
  const activeSince = timeOf(since)
  return {
    name,
    load: asText(load, 'LoadState'),
    active: asText(active, 'ActiveState'),
    enabled: asText(enabled, 'UnitFileState'),
    ...(Buffer.isBuffer(invocation) && invocation.length > 0 && { invocationId: invocation.toString('hex') }),
    ...(activeSince !== undefined && { activeSince }),
  }
}

/**
 * systemd over the system bus, onto which each call goes by itself: between calls nothing is held open, and a bus that
 * was restarted does not matter.
 */
export const createSystemd = ({ path, clock }: SystemdOptions): Systemd => {
  const open = new Set<Bus>()
  let closed = false

  const onBus = async <Result>(doing: string, use: (bus: Bus) => Promise<Result>): Promise<Result> => {
    let bus: Bus | undefined
    try {
      bus = await openBus({ path, clock })
      open.add(bus)
      if (closed) throw new Error('the agent is stopping')
      return await use(bus)
    } catch (cause) {
      throw new Error(doing, { cause })
    } finally {
      bus?.close()
      if (bus !== undefined) open.delete(bus)
    }
  }

  return {
    unit: (name) => onBus(`reading unit ${name}`, (bus) => stateOf(bus, name)),
    commands: (name) => onBus(`reading the processes of ${name}`, (bus) => unitCommands(bus, name)),
    restart: (name, timeoutMs) => {
      // Check before sending: whatever a task says, no other unit is ever touched.
      if (!RESTARTABLE.has(name))
        return Promise.reject(new Error(`unit ${name} is not in the list of units that may be restarted`))
      const call = { member: 'RestartUnit', signature: 'ss', body: [name, 'replace'] }
      return onBus(`restarting unit ${name}`, async (bus) => (await subscribeToJobs(bus, clock))(call, timeoutMs))
    },
    close: () => {
      closed = true
      for (const bus of open) bus.close()
    },
  }
}
