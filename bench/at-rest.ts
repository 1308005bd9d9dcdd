/** P7, P9 and P12: all contenders at rest side by side, first while nothing happens, then while healthy pods change. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pathOf } from '../src/kube/paths.ts'
import { type AuditedRequest, markAudit, meanAskedSeconds } from './audit.ts'
import { type Bench, type ContenderUser, inTurn } from './bench.ts'
import { POLICIES } from './classifier.ts'
import { HEALTHY, USERS } from './cluster.ts'
import { concurrently } from './concurrently.ts'
import { type Contender, startContender } from './contenders.ts'
import { type Forwarder, startForwarder } from './forwarder.ts'
import { medianMemory } from './memory.ts'
import { patternPolicy } from './objects.ts'
import type { P7, P9, P12 } from './results.ts'
import { startUnfilteredWatch } from './unfiltered-watch.ts'

const UPDATES_PER_SECOND = 20

interface Resting {
  readonly user: ContenderUser
  readonly name: string
  readonly forwarder: Forwarder
  readonly contender: Contender
}

const makePolicies = async ({ cluster: { loader } }: Bench): Promise<() => Promise<void>> => {
  const path = pathOf({ kind: 'RemediationPolicy' })
  await concurrently(Array(POLICIES).keys(), 16, (index) => loader.create(path, patternPolicy(index)))
  return async () => void (await loader.remove(path))
}

/** Changes an annotation of one healthy pod after the other; resolves with the number of changes per second. */
const updateHealthyPods = async ({ cluster: { loader }, options }: Bench, forMs: number): Promise<number> => {
  const began = performance.now()
  const writes: Promise<unknown>[] = []
  for (let index = 0; performance.now() - began < forMs; index += 1) {
    const path = pathOf({ kind: 'Pod', namespace: HEALTHY, name: `healthy-${index % options.healthy}` })
    const change = { metadata: { annotations: { 'bench.podmend.io/changed': String(index) } } }
    writes.push(loader.patch(path, change, { type: 'merge' }))
    await sleep(Math.max(0, began + ((index + 1) * 1_000) / UPDATES_PER_SECOND - performance.now()))
  }
  await Promise.all(writes)
  return (writes.length * 1_000) / (performance.now() - began)
}

interface Quiet {
  readonly from: number
  readonly to: number
}

const watchesOf = (watches: readonly AuditedRequest[], { from, to }: Quiet) => {
  const open = watches.filter(({ receivedAt, completedAt }) => receivedAt < from && completedAt > from)
  return {
    watches: open.length,
    ended: watches.filter(({ completedAt }) => completedAt > from && completedAt <= to).length,
    askedSeconds: meanAskedSeconds(watches),
  }
}

const start = async ({ cluster, against, launch, progress }: Bench, user: ContenderUser): Promise<Resting> => {
  const forwarder = await startForwarder(cluster.plane.url)
  const it = launch(user, against(user, { url: forwarder.url }))
  progress(`${it.name}: starting`)
  try {
    return { user, name: it.name, forwarder, contender: await startContender(it) }
  } catch (error) {
    await forwarder.close()
    throw error
  }
}

export const atRest = async (bench: Bench): Promise<{ p7: P7; p9: P9; p12: P12 }> => {
  const { cluster, options, progress } = bench
  const removePolicies = await makePolicies(bench)
  const mark = await markAudit(cluster.plane.auditLog)
  const resting: Resting[] = []
  const unfiltered = await startUnfilteredWatch(cluster)
  try {
    resting.push(...(await inTurn(bench, (user) => start(bench, user))))
    await sleep(options.stabilizationMs)
    progress(`all at rest for ${options.observeMs / 1_000} s`)
    const quiet = { from: Date.now(), to: Date.now() + options.observeMs }
    await sleep(options.observeMs)
    const ours = resting.find(({ user }) => user === 'podmend')
    const memory = await medianMemory(ours?.contender.pid ?? 0)

    progress(`${UPDATES_PER_SECOND} healthy pods change per second for ${options.observeMs / 1_000} s`)
    const received = () =>
      [unfiltered.forwarder, ...resting.map(({ forwarder }) => forwarder)].map((one) => one.received())
    const [began, before] = [performance.now(), received()]
    const updatesPerSecond = await updateHealthyPods(bench, options.observeMs)
    const seconds = (performance.now() - began) / 1_000
    const rates = received().map((bytes, i) => (bytes - (before[i] ?? 0)) / seconds)
    // The audit log has a watch when it has ended.
    await Promise.all(resting.map(({ contender }) => contender.stop()))
    await sleep(1_000)
    const requests = await mark.requests(resting.map(({ user }) => USERS[user]))
    const watches = (user: ContenderUser) =>
      requests.filter((request) => request.user === USERS[user] && request.verb === 'watch')
    return {
      p7: {
        seconds: options.observeMs / 1_000,
        contenders: resting.map(({ name, user }) => ({ name, ...watchesOf(watches(user), quiet) })),
      },
      p9: { patterns: POLICIES, memory },
      p12: {
        pods: options.healthy,
        updatesPerSecond,
        seconds,
        unfiltered: rates[0] ?? Number.NaN,
        contenders: resting.map(({ name }, i) => ({ name, bytes: rates[i + 1] ?? Number.NaN })),
      },
    }
  } finally {
    await Promise.all(resting.map(({ contender }) => contender.stop()))
    await Promise.all(resting.map(({ forwarder }) => forwarder.close()))
    await unfiltered.stop()
    await removePolicies()
  }
}
