import { type Api, ApiError } from './api.ts'
import { adoptRun, changeImage, type ContainerRun, newRun, type RunDeps, statusOf, step } from './container-run.ts'
import type { Recorder } from './events.ts'
import { type Container, isSidecar, type Pod, type PodStatus } from './objects.ts'
import { type Place, podStatus } from './pod-status.ts'

export interface WorkerDeps extends Omit<RunDeps, 'record'> {
  readonly api: Api
  readonly node: string
  readonly recorder: Recorder
  readonly place: Place
}

/** Looks after one pod on its node, until it is stopped or the pod has come to its end. */
export interface PodWorker {
  update(pod: Pod): void
  stop(): void
}

/** Patches the status if the pod is still the one of this uid; quietly does nothing when it is gone. */
export const writeStatus = async (api: Api, pod: Pod, status: PodStatus): Promise<void> => {
  const { namespace, name, uid } = pod.metadata
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
  try {
    await api.call('PATCH', path, { metadata: { uid }, status }, 'application/merge-patch+json')
  } catch (cause) {
    // A conflict is worth another try; a pod that was replaced under its name ends this worker by its watch.
    if (!(cause instanceof ApiError) || cause.status !== 404) throw cause
  }
}

export const makePodWorker = (first: Pod, deps: WorkerDeps): PodWorker => {
  let pod = first
  let written: PodStatus | undefined = first.status
  let stopped = false
  let busy = false
  let again = false
  let timer: NodeJS.Timeout | undefined
  const runs = new Map<string, ContainerRun>()

  const runDeps = (container: Container, kind: 'initContainers' | 'containers'): RunDeps => ({
    ...deps,
    record: (happening) =>
      deps.recorder.record(pod, deps.node, { ...happening, fieldPath: `spec.${kind}{${container.name}}` }),
  })

  const initContainers = (): readonly Container[] => pod.spec.initContainers ?? []

  const runOf = (container: Container): ContainerRun => {
    const known = runs.get(container.name)
    if (known) return known
    const left = [...(first.status?.initContainerStatuses ?? []), ...(first.status?.containerStatuses ?? [])]
    const status = left.find(({ name }) => name === container.name)
    const isAlive = status !== undefined && !('waiting' in status.state)
    const reason = initContainers().length > 0 ? 'PodInitializing' : 'ContainerCreating'
    const run = isAlive ? adoptRun(container, status) : newRun(container, reason)
    runs.set(container.name, run)
    return run
  }

  const write = async (): Promise<void> => {
    const statuses = (containers: readonly Container[]) => containers.map((each) => statusOf(each.name, runOf(each)))
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const containers = { init: statuses(initContainers()), main: statuses(pod.spec.containers) }
    const status = podStatus(pod, containers, { ...deps.place, before: written, now })
    if (JSON.stringify(status) === JSON.stringify(written)) return
    await writeStatus(deps.api, pod, status)
    written = status // only now: a write that was lost is repeated
  }

  /** Init containers one after the other; the others only when all of those are done, then all of them. */
  const stepAll = async (): Promise<ContainerRun[]> => {
    const active: ContainerRun[] = []
    for (const container of initContainers()) {
      const run = runOf(container)
      const dependencies = runDeps(container, 'initContainers')
      if (run.image !== container.image) changeImage(run, container, dependencies)
      await step(run, container, pod, dependencies)
      active.push(run)
      const isDone = isSidecar(container)
        ? 'running' in run.state
        : 'terminated' in run.state && run.state.terminated.exitCode === 0
      if (!isDone) return active
    }
    for (const container of pod.spec.containers) {
      const run = runOf(container)
      const dependencies = runDeps(container, 'containers')
      if (run.image !== container.image) changeImage(run, container, dependencies)
      await step(run, container, pod, dependencies)
      active.push(run)
    }
    return active
  }

  const turn = async (): Promise<void> => {
    if (busy) {
      again = true
      return
    }
    busy = true
    clearTimeout(timer)
    try {
      do {
        again = false
        const before = written
        if (!before?.containerStatuses) await write()
        const active = await stepAll()
        if (stopped) return
        await write()
        const due = active.flatMap(({ dueAt }) => (dueAt === undefined ? [] : [dueAt]))
        if (due.length > 0) timer = setTimeout(look, Math.max(10, Math.min(...due) - Date.now()))
      } while (again && !stopped)
    } catch {
      // The API server is away; the kubelet tries again.
      if (!stopped) timer = setTimeout(look, 500)
    } finally {
      busy = false
    }
  }
  const look = (): void => {
    if (!stopped) void turn()
  }
  look()

  return {
    update: (latest) => {
      const changed = latest.metadata.generation !== pod.metadata.generation || !latest.metadata.generation
      pod = latest
      if (changed) look()
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}
