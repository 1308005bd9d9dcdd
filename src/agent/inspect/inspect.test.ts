import { execFileSync } from 'node:child_process'
import { constants } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { nodeInspection } from '../../api/node-task.ts'
import { MOUNT_HELPER_TYPES } from '../../model/mount-helpers.ts'
import { createManualClock, systemClock } from '../../runtime/clock.ts'
import { GrpcError } from '../cri/grpc.ts'
import type { Cri, Systemd } from '../host/host.ts'
import { createInspect } from './inspect.ts'
import { oneAtATime } from './probe.ts'

const NOTHING = { hostSbin: [], chains: false }
const LONG = 'x'.repeat(5_000)

const never = new Promise<never>(() => {})
const unused = () => Promise.reject(new Error('not asked for here'))

const criThat = (version: Cri['version']): Cri => ({
  version,
  sandboxesOf: unused,
  runningContainers: unused,
  stop: unused,
  remove: unused,
  close: () => {},
})
const systemdThat = (unit: Systemd['unit']): Systemd => ({
  unit,
  commands: async () => [],
  restart: unused,
  close: () => {},
})

const errno = (code: string) => new Error('asking', { cause: Object.assign(new Error(`connect ${code}`), { code }) })

test.each([
  ['ECONNREFUSED', { known: true, answers: false }],
  ['ETIMEDOUT', { known: true, answers: false }],
  ['ENOENT', { known: false }],
  ['EACCES', { known: false }],
])('a runtime whose socket says %s is %j', async (code, expected) => {
  const cri = criThat(() => Promise.reject(errno(code)))
  const { runtime } = await createInspect({ config: NOTHING, cri, clock: systemClock })()
  expect(runtime).toMatchObject(expected)
  expect(runtime.why).toContain(code)
})

test.each([
  [12, { known: false }],
  [14, { known: true, answers: false }],
  [4, { known: true, answers: false }],
])('a runtime that answers with gRPC status %i is %j', async (status, expected) => {
  const cri = criThat(() => Promise.reject(new Error('asking', { cause: new GrpcError(status, 'unknown service') })))
  const { runtime } = await createInspect({ config: NOTHING, cri, clock: systemClock })()
  expect(runtime).toEqual({ ...expected, why: 'asking: unknown service' })
})

test('a look that hangs is not begun again beside itself, and once it is over the next is a new one', async () => {
  let begun = 0
  const first = Promise.withResolvers<number>()
  const look = oneAtATime(() => {
    begun += 1
    return begun === 1 ? first.promise : Promise.resolve(begun)
  })
  const both = [look(), look()]
  expect(begun).toBe(1)
  first.resolve(1)
  expect(await Promise.all(both)).toEqual([1, 1])
  expect(await look()).toBe(2)
})

test('a disk that hangs leaves what lies on it unknown, and the agent able to read and to say so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'podmend-hanging-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  // To open a pipe that nobody writes to lasts for ever, as a read of a disk that is gone does.
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const clock = createManualClock()
  const inspect = createInspect({ config: { ...NOTHING, osRelease: pipe, dockerConfig: pipe }, clock })
  const timer = setInterval(() => void clock.advance(1_000), 10)
  try {
    for (let i = 0; i < 5; i += 1) {
      const seen = await inspect()
      const unknown = { known: false, why: 'timed out after 7 s' }
      expect(seen).toMatchObject({ os: unknown, docker: unknown })
    }
    expect(await readFile('/proc/self/comm', 'utf8')).not.toBe('')
  } finally {
    clearInterval(timer)
    // Lets go of both.
    const writer = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    await sleep(50)
    await writer.close()
  }
}, 20_000)

test('a part that hangs is unknown after a while and costs the others nothing', async () => {
  const clock = createManualClock()
  const cri = criThat(async () => ({ name: 'containerd', version: '2.1', tookMs: 1.6 }))
  const looking = createInspect({ config: NOTHING, cri, systemd: systemdThat(() => never), clock })()
  // The boot id is read from a file, which takes as long as it takes.
  const timer = setInterval(() => void clock.advance(1_000), 10)
  onTestFinished(() => clearInterval(timer))
  const { units, runtime } = await looking
  expect(units).toEqual({ known: false, why: 'timed out after 7 s' })
  expect(runtime).toEqual({ known: true, name: 'containerd', version: '2.1', answers: true, tookMs: 2 })
})

test('whatever a host holds, what is told of it fits the schema', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'podmend-inspect-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const osRelease = join(folder, 'os-release')
  await writeFile(osRelease, `ID=${LONG}\nID_LIKE="${'a b c d e f g h i j '.repeat(9)}${LONG}"\nPRETTY_NAME=${LONG}\n`)
  for (let i = 0; i < 99; i += 1) await writeFile(join(folder, `mount.a-type${i}`), '')
  for (const type of MOUNT_HELPER_TYPES) await writeFile(join(folder, `mount.${type}`), '')
  const config = { osRelease, hostSbin: [folder], dockerConfig: join(folder, LONG), chains: false }
  const systemd = systemdThat((name) => Promise.reject(new Error(`${name}: ${LONG}`)))
  const cri = criThat(async () => ({ name: LONG, version: LONG, tookMs: 0.2 }))
  const seen = await createInspect({ config, systemd, cri, clock: systemClock })()
  expect(nodeInspection.safeParse(seen).error).toBeUndefined()
  expect(seen.mounts.helpers).toHaveLength(64)
  expect(seen.mounts.helpers).toEqual(expect.arrayContaining([...MOUNT_HELPER_TYPES]))
  expect(seen.units.known).toBe(false)
  expect(seen.docker.known).toBe(false)
})
