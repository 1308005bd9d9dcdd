/** What every row is measured with. */
import { describeError } from '../src/runtime/log.ts'
import { type BenchCluster, redirected, type User } from './cluster.ts'
import type { Launch } from './contenders.ts'
import { type Against, bare, controllerRuntime, descheduler, kopf, podmend, reference } from './launches.ts'
import type { Remedy } from './objects.ts'
import type { Options } from './options.ts'
import type { Programs } from './programs.ts'
import { type Round, type RoundOptions, runRound } from './round.ts'

/** Those beside podmend, the bare loop and the reference: repairs without verification. */
const OTHERS = ['controllerRuntime', 'controllerRuntimeTuned', 'kopf', 'descheduler'] as const

export type ContenderUser = 'podmend' | 'reference' | 'bare' | (typeof OTHERS)[number]

export interface Bench {
  readonly cluster: BenchCluster
  readonly options: Options
  readonly progress: (text: string) => void
  /** podmend, the reference, and what else there is on this machine. */
  readonly contenders: readonly ContenderUser[]
  /** `url`: another address of the API server. */
  readonly against: (user: ContenderUser, more?: { readonly namespace?: string; readonly url?: string }) => Against
  readonly launch: (user: ContenderUser, against: Against) => Launch
  readonly round: (user: ContenderUser, what: string, more?: RoundSettings) => Promise<Round>
}

interface RoundSettings extends Partial<Omit<RoundOptions, 'launch'>> {
  readonly url?: string
  readonly launchOf?: (against: Against) => Launch
}

const FINISHES: Readonly<Record<Remedy, string>> = { RecyclePod: 'recycle', RewriteImage: 'rewrite' }

const launchersOf = (programs: Programs): Readonly<Partial<Record<ContenderUser, (against: Against) => Launch>>> => ({
  podmend,
  reference,
  bare,
  ...(programs.controllerRuntime !== undefined && {
    controllerRuntime: controllerRuntime(programs.controllerRuntime, false),
    controllerRuntimeTuned: controllerRuntime(programs.controllerRuntime, true),
  }),
  ...(programs.kopf !== undefined && { kopf: kopf(programs.kopf) }),
  ...(programs.descheduler !== undefined && { descheduler: descheduler(programs.descheduler) }),
})

export const makeBench = (
  cluster: BenchCluster,
  options: Options,
  programs: Programs,
  progress: (text: string) => void,
): Bench => {
  const launchers = launchersOf(programs)
  const { accountFolder } = cluster

  const against: Bench['against'] = (user, { namespace = 'idle', url } = {}) => {
    const given = cluster.kubeconfigs[user satisfies User]
    return {
      kubeconfig: url === undefined ? given : redirected(given, url),
      namespace,
      ...(accountFolder !== undefined && { inPod: { accountFolder, url: url ?? cluster.plane.url } }),
    }
  }

  const launch: Bench['launch'] = (user, where) => {
    const launcher = launchers[user]
    if (!launcher) throw new Error(`${user} is not on this machine`)
    return launcher(where)
  }

  return {
    cluster,
    options,
    progress,
    contenders: (['podmend', 'reference', ...OTHERS] as const).filter((user) => launchers[user] !== undefined),
    against,
    launch,
    round: (user, what, { url, launchOf = (where: Against) => launch(user, where), ...more }: RoundSettings = {}) => {
      const { remedy = 'RecyclePod' } = more
      // Namespaces have no capitals.
      const namespace = `${what}-${user.toLowerCase()}-${FINISHES[remedy]}`
      return runRound(cluster, {
        user,
        launch: launchOf(against(user, { namespace, ...(url !== undefined && { url }) })),
        namespace,
        remedy,
        incidents: options.incidents,
        perSecond: options.perSecond,
        verifies: user === 'podmend' || user === 'reference',
        progress,
        ...more,
      })
    },
  }
}

/** Of a contender other than podmend: undefined, and a line that says why, if it fails. */
export const orLeftOut = async <T>(
  { progress }: Pick<Bench, 'progress'>,
  user: ContenderUser,
  work: () => Promise<T>,
): Promise<T | undefined> =>
  work().catch((error: unknown) => {
    if (user === 'podmend') throw error
    progress(`${user} is left out: ${describeError(error)}`)
    return undefined
  })

/** One contender after the other. */
export const inTurn = async <T>(bench: Bench, work: (user: ContenderUser) => Promise<T>): Promise<readonly T[]> => {
  const found: T[] = []
  for (const user of bench.contenders) {
    const one = await orLeftOut(bench, user, () => work(user))
    if (one !== undefined) found.push(one)
  }
  return found
}

/** podmend first and alone; the others, whose figures do not depend on the time that they take, side by side. */
export const eachContender = async <T>(
  bench: Bench,
  work: (user: ContenderUser) => Promise<T>,
): Promise<Readonly<Partial<Record<ContenderUser, T>>>> => {
  const found: Partial<Record<ContenderUser, T>> = { podmend: await work('podmend') }
  const others = bench.contenders.filter((user) => user !== 'podmend')
  await Promise.all(
    others.map(async (user) => {
      const one = await orLeftOut(bench, user, () => work(user))
      if (one !== undefined) found[user] = one
    }),
  )
  return found
}
