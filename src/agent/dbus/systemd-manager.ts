import type { Clock } from '../../runtime/clock.ts'
import { asText, asVariant, type Value } from './codec.ts'
import type { Bus, Reply } from './connection.ts'

const SYSTEMD = 'org.freedesktop.systemd1'
const MANAGER_PATH = '/org/freedesktop/systemd1'
const MANAGER = `${SYSTEMD}.Manager`
const JOB_REMOVED = `type='signal',sender='${SYSTEMD}',path='${MANAGER_PATH}',interface='${MANAGER}',member='JobRemoved'`

/** A call to systemd's manager that returns a job, e.g. RestartUnit. */
export interface JobCall {
  readonly member: string
  readonly signature: string
  readonly body: readonly Value[]
}

const callManager = (bus: Bus, call: { readonly member: string } & Partial<JobCall>): Promise<Reply> =>
  bus.call({ destination: SYSTEMD, path: MANAGER_PATH, interface: MANAGER, ...call })

/**
 * Has systemd do a job and waits for its result: `done`, `failed`, `timeout`, `canceled`, `dependency`, `skipped`.
 * Rejects where systemd refuses the call, or where no result came in time; the job may go on then.
 */
export type RunJob = (call: JobCall, timeoutMs: number) => Promise<string>

/** Has systemd tell of its jobs on this connection, once for all that are to be run over it. */
export const subscribeToJobs = async (bus: Bus, clock: Clock): Promise<RunJob> => {
  const runs = new Set<(job: string, result: string) => void>()
  // Whoever is on the bus can send us a signal: only systemd's own count, which the bus names by who answered.
  const { sender: manager } = await callManager(bus, { member: 'Subscribe' })
  await bus.listen(JOB_REMOVED, ({ sender, interface: of, member, body: [, job, , result] }) => {
    if (sender !== manager || of !== MANAGER || member !== 'JobRemoved') return
    if (typeof job === 'string' && typeof result === 'string') for (const note of runs) note(job, result)
  })

  return (call, timeoutMs) =>
    new Promise((resolve, reject) => {
      // systemd may be done with the job before the answer that names it was read here.
      const results = new Map<string, string>()
      let mine: string | undefined
      const settle = () => {
        const result = results.get(mine ?? '')
        if (result === undefined) return
        end()
        resolve(result)
      }
      const fail = (error: Error) => {
        end()
        reject(error)
      }
      const note = (job: string, result: string) => {
        results.set(job, result)
        settle()
      }
      const end = () => {
        cancel()
        runs.delete(note)
      }
      const late = () => fail(new Error(`systemd named no result of the job within ${timeoutMs} ms`))
      const cancel = clock.setTimeout(late, timeoutMs)
      runs.add(note)
      void bus.closed.then(fail)
      callManager(bus, call).then(({ body: [job] }) => {
        mine = asText(job, 'the job that systemd named')
        settle()
      }, fail)
    })
}

/** Where a unit is found on the bus; it is loaded for that, so one that does not exist is found as well. */
export const loadUnit = async (bus: Bus, name: string): Promise<string> => {
  const { body } = await callManager(bus, { member: 'LoadUnit', signature: 's', body: [name] })
  return asText(body[0], `the path of ${name}`)
}

/** One property of a unit. */
export const unitProperty = async (bus: Bus, path: string, name: string, of = 'Unit'): Promise<Value> => {
  const { body } = await bus.call({
    destination: SYSTEMD,
    path,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    signature: 'ss',
    body: [`${SYSTEMD}.${of}`, name],
  })
  return asVariant(body[0], name).value
}

const asList = (value: Value | undefined, what: string): readonly Value[] => {
  if (!Array.isArray(value)) throw new Error(`${what}: not a list`)
  return value
}

/** Command lines of the processes of a service, as the kernel has them; of one that does not run, as its unit file has them. */
export const unitCommands = async (bus: Bus, name: string): Promise<readonly string[]> => {
  const { body } = await callManager(bus, { member: 'GetUnitProcesses', signature: 's', body: [name] })
  const running = asList(body[0], 'processes').map((one) => asText(asList(one, 'a process')[2], 'a command line'))
  if (running.length > 0) return running
  const started = await unitProperty(bus, await loadUnit(bus, name), 'ExecStart', 'Service')
  return asList(started, 'ExecStart').map((one) =>
    asList(asList(one, 'a command')[1], 'its arguments')
      .map((word) => asText(word, 'an argument'))
      .join(' '),
  )
}
