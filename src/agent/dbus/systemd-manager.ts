import type { Clock } from '../../runtime/clock.ts'
import type { Bus, Reply } from './connection.ts'
import { asText, asVariant, type Value } from './value.ts'

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

/** Results of jobs as they are removed. systemd may remove one before the answer that names it was read here. */
const jobResults = () => {
  const results = new Map<string, string>()
  let found: (() => void) | undefined
  return {
    add: (job: string, result: string) => {
      results.set(job, result)
      found?.()
    },
    /** The job's result; rejects where none comes in time. */
    of: (job: string, clock: Clock, timeoutMs: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const cancel = clock.setTimeout(
          () => reject(new Error(`systemd named no result of the job within ${timeoutMs} ms`)),
          timeoutMs,
        )
        found = () => {
          const result = results.get(job)
          if (result === undefined) return
          cancel()
          resolve(result)
        }
        found()
      }),
  }
}

/**
 * Has systemd do a job and waits for its result: `done`, `failed`, `timeout`, `canceled`, `dependency`, `skipped`.
 * Rejects where systemd refuses the call, or where no result came in time; the job may go on then.
 */
export const runJob = async (bus: Bus, clock: Clock, call: JobCall, timeoutMs: number): Promise<string> => {
  const results = jobResults()
  // Whoever is on the bus can send us a signal: only systemd's own count, which the bus names by who answered.
  const { sender: manager } = await callManager(bus, { member: 'Subscribe' })
  await bus.listen(JOB_REMOVED, ({ sender, interface: of, member, body: [, job, , result] }) => {
    if (sender !== manager || of !== MANAGER || member !== 'JobRemoved') return
    if (typeof job === 'string' && typeof result === 'string') results.add(job, result)
  })
  const gone = bus.closed.then((error) => {
    throw error
  })
  const outcome = callManager(bus, call).then(({ body: [job] }) =>
    results.of(asText(job, 'the job that systemd named'), clock, timeoutMs),
  )
  return Promise.race([outcome, gone])
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
