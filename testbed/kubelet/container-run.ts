/** One container's life on a node, step by step: the kubelet's states, reasons and messages. */
import { randomBytes } from 'node:crypto'
import type { Happening } from './events.ts'
import type { Container, ContainerState, ContainerStatus, Pod, Terminated } from './objects.ts'
import type { Runtime } from './pull-messages.ts'
import type { Puller } from './puller.ts'
import { withDefaultTag } from './reference.ts'

/** What a container does once it started. */
export type Behaviour = 'runs' | 'crashes' | 'completes'

export interface Timing {
  /** Between pulls of one image; doubles up to the maximum. Milliseconds, as all below. */
  readonly pullBackoffMs: number
  readonly pullBackoffMaxMs: number
  readonly crashAfterMs: number
  readonly completeAfterMs: number
  readonly crashBackoffMs: number
  readonly crashBackoffMaxMs: number
}

export interface RunDeps {
  readonly pull: Puller
  readonly runtime: Runtime
  readonly timing: Timing
  readonly behave: (container: Container, pod: Pod) => Behaviour
  /** Whether the message of a back-off ends with what the pull met (kubelets since 1.32). */
  readonly backOffSaysWhy: boolean
  readonly record: (happening: Happening) => void
}

export interface ContainerRun {
  /** As the spec names it. */
  image: string
  state: ContainerState
  lastState: { terminated?: Terminated }
  restartCount: number
  /** As the runtime names what runs. */
  runningImage: string
  imageID: string
  containerID: string
  /** When to look again; undefined when only a change of the pod can matter. */
  dueAt: number | undefined
  pullBackoffMs: number
  nextPullAt: number
  pullError: string
  crashBackoffMs: number
  /** Decided at each start. */
  behaviour: Behaviour
}

export const newRun = (container: Container, reason: string): ContainerRun => ({
  image: container.image,
  state: { waiting: { reason } },
  lastState: {},
  restartCount: 0,
  runningImage: '',
  imageID: '',
  containerID: '',
  dueAt: 0,
  pullBackoffMs: 0,
  nextPullAt: 0,
  pullError: '',
  crashBackoffMs: 0,
  behaviour: 'runs',
})

/** A run that was there before this process, from the status that it left. */
export const adoptRun = (container: Container, status: ContainerStatus): ContainerRun => ({
  ...newRun(container, 'ContainerCreating'),
  state: status.state,
  lastState: status.lastState,
  restartCount: status.restartCount,
  runningImage: status.image,
  imageID: status.imageID,
  containerID: status.containerID ?? '',
  dueAt: undefined,
})

export const statusOf = (name: string, run: ContainerRun): ContainerStatus => {
  const isRunning = 'running' in run.state
  return {
    name,
    image: run.runningImage || run.image,
    imageID: run.imageID,
    ...(run.containerID !== '' && { containerID: run.containerID }),
    state: run.state,
    lastState: run.lastState,
    ready: isRunning || ('terminated' in run.state && run.state.terminated.exitCode === 0),
    started: isRunning,
    restartCount: run.restartCount,
  }
}

const timestamp = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z')

const wait = (run: ContainerRun, reason: string, message: string, dueAt: number): void => {
  run.state = { waiting: { reason, message } }
  run.dueAt = dueAt
}

const start = (run: ContainerRun, behaviour: Behaviour, deps: RunDeps): void => {
  run.behaviour = behaviour
  const { crashAfterMs, completeAfterMs } = deps.timing
  run.containerID = `${deps.runtime}://${randomBytes(32).toString('hex')}`
  run.state = { running: { startedAt: timestamp() } }
  run.dueAt = behaviour === 'runs' ? undefined : Date.now() + (behaviour === 'crashes' ? crashAfterMs : completeAfterMs)
  deps.record({ type: 'Normal', reason: 'Created', message: 'Container created' })
  deps.record({ type: 'Normal', reason: 'Started', message: 'Container started' })
}

const pullAndStart = async (run: ContainerRun, container: Container, pod: Pod, deps: RunDeps): Promise<void> => {
  const { record, timing } = deps
  const image = withDefaultTag(container.image)
  const result = await deps.pull(pod, container)
  const fail = (reason: string, message: string, dueAt: number): void => {
    record({ type: 'Warning', reason: 'Failed', message: `Error: ${reason}` })
    wait(run, reason, message, dueAt)
  }
  switch (result.kind) {
    case 'failed':
      record({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` })
      record({ type: 'Warning', reason: 'Failed', message: `Failed to pull image "${image}": ${result.message}` })
      run.pullBackoffMs = Math.min(run.pullBackoffMs * 2 || timing.pullBackoffMs, timing.pullBackoffMaxMs)
      run.nextPullAt = Date.now() + run.pullBackoffMs
      run.pullError = result.message
      // The kubelet finds itself backing off at its next look, some time before the next pull.
      fail('ErrImagePull', result.message, Date.now() + run.pullBackoffMs / 2)
      return
    case 'invalid':
      record({ type: 'Warning', reason: 'InspectFailed', message: result.message })
      fail('InvalidImageName', result.message, Date.now() + timing.pullBackoffMaxMs)
      return
    case 'never':
      record({ type: 'Warning', reason: 'ErrImageNeverPull', message: result.message })
      fail('ErrImageNeverPull', result.message, Date.now() + timing.pullBackoffMaxMs)
      return
    case 'present':
    case 'pulled': {
      const present = `Container image "${image}" already present on machine and can be accessed by the pod`
      const pulled = `Successfully pulled image "${image}" in ${result.ms}ms (${result.ms}ms including waiting). Image size: 401 bytes.`
      if (result.kind === 'pulled') record({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` })
      record({ type: 'Normal', reason: 'Pulled', message: result.kind === 'pulled' ? pulled : present })
      if (run.lastState.terminated) run.restartCount++
      run.runningImage = result.image
      run.imageID = result.imageID
      run.pullBackoffMs = 0
      start(run, result.isExecutable ? deps.behave(container, pod) : 'crashes', deps)
    }
  }
}

const end = (run: ContainerRun, exitCode: number): void => {
  const startedAt = 'running' in run.state ? run.state.running.startedAt : timestamp()
  const reason = exitCode === 0 ? 'Completed' : 'Error'
  const terminated = { exitCode, reason, startedAt, finishedAt: timestamp(), containerID: run.containerID }
  run.state = { terminated }
  run.dueAt = undefined
}

const isRestarted = (container: Container, pod: Pod, exitCode: number): boolean => {
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always'
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

const backOffRestart = (run: ContainerRun, container: Container, pod: Pod, deps: RunDeps): void => {
  if (!('terminated' in run.state)) return
  const { crashBackoffMs, crashBackoffMaxMs } = deps.timing
  const { name, namespace, uid } = pod.metadata
  const formatted = `${name}_${namespace}(${uid})`
  run.lastState = { terminated: run.state.terminated }
  run.crashBackoffMs = Math.min(run.crashBackoffMs * 2 || crashBackoffMs, crashBackoffMaxMs)
  deps.record({
    type: 'Warning',
    reason: 'BackOff',
    message: `Back-off restarting failed container ${container.name} in pod ${formatted}`,
  })
  const delay = `${run.crashBackoffMs / 1000}s`
  const message = `back-off ${delay} restarting failed container=${container.name} pod=${formatted}`
  wait(run, 'CrashLoopBackOff', message, Date.now() + run.crashBackoffMs)
}

/** A changed image: what waits is tried at once, what runs is ended and started anew. */
export const changeImage = (run: ContainerRun, container: Container, deps: RunDeps): void => {
  if ('running' in run.state) {
    const message = `Container ${container.name} definition changed, will be restarted`
    deps.record({ type: 'Normal', reason: 'Killing', message })
    end(run, 0)
  }
  if ('terminated' in run.state) run.lastState = { terminated: run.state.terminated }
  run.image = container.image
  run.runningImage = ''
  run.imageID = ''
  run.containerID = ''
  run.pullBackoffMs = 0
  run.state = { waiting: { reason: 'ContainerCreating' } }
  run.dueAt = 0
}

/** Takes the step that is due, if any. */
export const step = async (run: ContainerRun, container: Container, pod: Pod, deps: RunDeps): Promise<void> => {
  const now = Date.now()
  if (run.dueAt === undefined || run.dueAt > now) return
  if ('running' in run.state) {
    const exitCode = run.behaviour === 'crashes' ? 1 : 0
    end(run, exitCode)
    if (isRestarted(container, pod, exitCode)) run.dueAt = now + 100
    return
  }
  if ('terminated' in run.state) {
    backOffRestart(run, container, pod, deps)
    return
  }
  if (run.state.waiting.reason === 'ErrImagePull') {
    const image = withDefaultTag(container.image)
    const message = `Back-off pulling image "${image}"`
    deps.record({ type: 'Normal', reason: 'BackOff', message })
    deps.record({ type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff' })
    const why = deps.backOffSaysWhy ? `: ErrImagePull: ${run.pullError}` : ''
    wait(run, 'ImagePullBackOff', `${message}${why}`, run.nextPullAt)
    return
  }
  await pullAndStart(run, container, pod, deps)
}
