/** A scenario's part of the environment, with the helpers that scenarios use. */
import { statSync } from 'node:fs'
import type { Remediation, RemediationPolicy } from '../src/api/kinds.ts'
import { pathOf } from '../src/kube/paths.ts'
import type { Container, Pod, Workload } from '../src/model/kubernetes.ts'
import { eventually, type Patience } from '../testbed/eventually.ts'
import { type Api, openApi } from '../testbed/kubelet/api.ts'
import { movedProjectPolicy } from '../testbed/moved-project.ts'
import type { Environment } from './environment.ts'
import type { Fixture, Scenario, Wanted } from './scenario.ts'

/** Real kubelets, on a machine that is busy with other scenarios. */
const PATIENTLY: Patience = { timeoutMs: 120_000, everyMs: 400 }

export interface StartedFixture {
  readonly fixture: Fixture
  readonly notes: readonly string[]
  /** Takes away what the scenario made; its objects only when told so. */
  close(options: { readonly remove: boolean }): Promise<void>
}

interface Told {
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

const isReady = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  pod.status?.phase === 'Running' &&
  (pod.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')

const stateOf = (pod: Pod): string => {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  const waiting = [...initContainerStatuses, ...containerStatuses].flatMap(({ state }) => state?.waiting?.reason ?? [])
  const images = (pod.spec?.containers ?? []).map(({ image }: Container) => image)
  return `${pod.metadata.name} ${pod.status?.phase} ${waiting.join(' ')} [${images.join(' ')}]`
}

/** Bytes so far; a cluster without an audit log has none. */
const auditSize = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Creates the scenario's namespace and the helpers that work in it. */
export const makeFixture = async (
  environment: Environment,
  scenario: Scenario,
  { signal, say }: Told,
): Promise<StartedFixture> => {
  const { cluster, registries, operator } = environment
  const { kubectl } = cluster
  const api: Api = openApi(cluster.kubeconfig)
  const namespace = `e2e-${scenario.name}`
  const closers: (() => unknown)[] = []
  const policies = new Set<string>()
  const notes: string[] = []

  const patiently = <T>(attempt: () => T | Promise<T>, patience: Patience = {}): Promise<T> =>
    eventually(attempt, { ...PATIENTLY, signal, ...patience })
  const apply = (object: object): Promise<string> => kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) })
  const list = async <T>(kind: string, where: string, labels?: string): Promise<readonly T[]> => {
    const query = labels === undefined ? '' : `?labelSelector=${encodeURIComponent(labels)}`
    return (await api.call<{ items: T[] }>('GET', `${pathOf({ kind, namespace: where })}${query}`)).items
  }
  const records = (where = namespace): Promise<readonly Remediation[]> => list('Remediation', where)
  const pods = (labels?: string, where = namespace): Promise<readonly Pod[]> => list('Pod', where, labels)

  const record: Fixture['record'] = ({ phase, reason }: Wanted = {}, { namespace: where, ...patience } = {}) =>
    patiently(async () => {
      const found = await records(where)
      const told = found.map(
        ({ metadata, status }) => `${metadata.name}: ${status?.phase} ${status?.reason} (${status?.message})`,
      )
      const fits = ({ status }: Remediation): boolean =>
        (phase === undefined || status?.phase === phase) && (reason === undefined || status?.reason === reason)
      const [only, ...others] = found.filter(fits)
      const open = found.filter(({ status }) => status?.finishedAt === undefined)
      if (!only || others.length > 0 || open.length > 1) {
        throw new Error(`expected one record ${phase ?? ''} ${reason ?? ''}, found: ${told.join('; ') || 'none'}`)
      }
      return only
    }, patience)

  const running: Fixture['running'] = (count, labels, { namespace: where, ...patience } = {}) =>
    patiently(async () => {
      const found = await pods(labels, where)
      if (found.length !== count || !found.every(isReady)) {
        throw new Error(`expected ${count} running pods, found: ${found.map(stateOf).join('; ') || 'none'}`)
      }
      return found
    }, patience)

  const failing: Fixture['failing'] = (labels, options = {}) => {
    const { namespace: where, reason = 'ImagePullBackOff', ...patience } = options
    return patiently(async () => {
      const found = await pods(labels, where)
      const failed = found.find((pod) => stateOf(pod).includes(` ${reason}`))
      if (!failed) throw new Error(`expected a pod in ${reason}, found: ${found.map(stateOf).join('; ') || 'none'}`)
      return failed
    }, patience)
  }

  const fixture: Fixture = {
    cluster,
    registries,
    operator,
    kubectl,
    namespace,
    auditedFrom: auditSize(cluster.auditLog),
    signal,
    apply,
    get: async <T>(...args: readonly string[]) => JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T,
    policy: async (spec = {}, { name = namespace, namespace: where = namespace } = {}) => {
      policies.add(name)
      await apply(movedProjectPolicy(where, name, spec))
      return api.call<RemediationPolicy>('GET', pathOf({ kind: 'RemediationPolicy', name }))
    },
    record,
    records,
    workload: (kind, name = 'web', where = namespace) =>
      api.call<Workload>('GET', pathOf({ kind, namespace: where, name })),
    pods,
    running,
    failing,
    eventually: patiently,
    note: (text) => void notes.push(text),
    say,
    onEnd: (close) => void closers.push(close),
  }

  await kubectl(['create', 'namespace', namespace])
  await patiently(() => kubectl(['get', 'serviceaccount', 'default', '-n', namespace]), { everyMs: 50 })
  return {
    fixture,
    notes,
    close: async ({ remove }) => {
      let failure: unknown
      for (let close = closers.pop(); close; close = closers.pop()) {
        try {
          await close()
        } catch (error) {
          failure ??= error
        }
      }
      api.close()
      // A policy left behind would act on what later scenarios break on the same nodes.
      for (const name of policies) await kubectl(['delete', 'rempol', name, '--ignore-not-found'])
      if (remove) await kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found'])
      if (failure !== undefined) throw new Error(`cleaning up after ${scenario.name}`, { cause: failure })
    },
  }
}
