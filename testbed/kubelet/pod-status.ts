/** A pod's status from its containers', by the kubelet's rules (pkg/kubelet/kubelet_pods.go, status/generate.go). Pure. */
import { type Condition, type ContainerStatus, isSidecar, type Pod, type PodStatus } from './objects.ts'

export interface Containers {
  readonly init: readonly ContainerStatus[]
  readonly main: readonly ContainerStatus[]
}

const hasEnded = ({ lastState }: ContainerStatus): boolean => lastState.terminated !== undefined

const isInitialized = (pod: Pod, init: readonly ContainerStatus[], name: string): boolean => {
  const status = init.find((each) => each.name === name)
  const container = pod.spec.initContainers?.find((each) => each.name === name)
  if (!status || !container) return false
  if (isSidecar(container)) return status.started
  return 'terminated' in status.state && status.state.terminated.exitCode === 0
}

const phaseOf = (pod: Pod, { init, main }: Containers): string => {
  const restarts = pod.spec.restartPolicy ?? 'Always'
  const pending = (pod.spec.initContainers ?? []).filter(({ name }) => !isInitialized(pod, init, name))
  const failedInit = pending.some(({ name }) => {
    const state = init.find((each) => each.name === name)?.state
    return state !== undefined && 'terminated' in state
  })
  if (failedInit && restarts === 'Never') return 'Failed'
  if (pending.length > 0) return 'Pending'
  if (main.some((each) => 'waiting' in each.state && !hasEnded(each))) return 'Pending'
  if (main.some((each) => 'running' in each.state) || restarts === 'Always') return 'Running'
  const ended = main.flatMap(({ state, lastState }) =>
    'terminated' in state ? [state.terminated] : lastState.terminated ? [lastState.terminated] : [],
  )
  if (ended.every(({ exitCode }) => exitCode === 0)) return 'Succeeded'
  return restarts === 'Never' ? 'Failed' : 'Running'
}

type Unstamped = Omit<Condition, 'lastTransitionTime'>

const readiness = (
  phase: string,
  main: readonly ContainerStatus[],
  sidecars: readonly ContainerStatus[],
): Unstamped => {
  const type = 'ContainersReady'
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const unready = [...sidecars, ...main].filter(({ ready }) => !ready).map(({ name }) => name)
  if (unready.length === 0) return { type, status: 'True' }
  const message = `containers with unready status: [${unready.join(' ')}]`
  return { type, status: 'False', reason: 'ContainersNotReady', message }
}

const conditionsOf = (pod: Pod, { init, main }: Containers, phase: string): Unstamped[] => {
  const incomplete = (pod.spec.initContainers ?? [])
    .map(({ name }) => name)
    .filter((name) => !isInitialized(pod, init, name))
  const sidecarNames = new Set(pod.spec.initContainers?.filter(isSidecar).map(({ name }) => name))
  const ready = readiness(
    phase,
    main,
    init.filter(({ name }) => sidecarNames.has(name)),
  )
  const initialized: Unstamped =
    incomplete.length === 0 || main.some(({ started }) => started)
      ? { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${incomplete.join(' ')}]`,
        }
  const hasSandbox = phase !== 'Succeeded' && phase !== 'Failed'
  return [
    { type: 'PodReadyToStartContainers', status: hasSandbox ? 'True' : 'False' },
    initialized,
    { ...ready, type: 'Ready' },
    ready,
    { type: 'PodScheduled', status: 'True' },
  ]
}

export interface Place {
  readonly hostIP: string
  readonly podIP: string
}

/** The whole status as the kubelet would write it now; `before` is what it wrote last. */
export const podStatus = (
  pod: Pod,
  containers: Containers,
  { hostIP, podIP, before, now }: Place & { before: PodStatus | undefined; now: string },
): PodStatus => {
  const phase = phaseOf(pod, containers)
  const { generation } = pod.metadata
  const observed = generation === undefined ? {} : { observedGeneration: generation }
  const own = conditionsOf(pod, containers, phase).map((condition) => {
    const old = before?.conditions?.find(({ type }) => type === condition.type)
    const unchanged = old?.status === condition.status
    return {
      lastProbeTime: null,
      ...condition,
      ...observed,
      lastTransitionTime: (unchanged && old.lastTransitionTime) || now,
    }
  })
  const others = (pod.status?.conditions ?? []).filter(({ type }) => !own.some((each) => each.type === type))
  return {
    ...observed,
    phase,
    conditions: [...others, ...own],
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: before?.startTime ?? now,
    ...(containers.init.length > 0 && { initContainerStatuses: containers.init }),
    containerStatuses: containers.main,
  }
}
