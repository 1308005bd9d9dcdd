import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { findDockerChain } from '../../model/firewall.ts'
import type { NodeRuntime } from '../../model/node-tasks.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { socketStateOf } from '../cri/client.ts'
import type { Cri, UnitState } from '../host/host.ts'
import { type Answer, refused, shortError } from './verb.ts'

type RestartOptions = NonNullable<NodeTaskSpec['restartRuntime']>

export interface RestartPreconditionDeps {
  /** Absent where it may not be talked to. */
  readonly cri: Cri | undefined
  readonly chains: () => Promise<NodeInspection['chains']>
  readonly docker: () => Promise<NodeInspection['docker']>
  readonly clock: Clock
}

/** A runtime that takes longer for its own version does not answer. */
export const ANSWERS_WITHIN_MS = 5_000
/** One call may fall into a moment of its own; not two with a pause between. */
const PAUSE_MS = 1_000

/** RuntimeName as the CRI says it. */
const CRI_NAMES: Readonly<Record<NodeRuntime, string>> = { docker: 'docker', containerd: 'containerd', crio: 'cri-o' }

const unavailable = (why: string): Answer => refused('ProbeFailed', why)
const notNeeded = (why: string): Answer => refused('NotNeeded', why)

const chainMissing = async (
  { chains, docker }: RestartPreconditionDeps,
  { runtime }: RestartOptions,
): Promise<Answer | undefined> => {
  if (runtime !== 'docker')
    return notNeeded(`chain DOCKER belongs to Docker: restarting ${runtime} does not restore it`)
  const found = findDockerChain(await chains())
  switch (found.kind) {
    case 'There':
      return notNeeded('chain DOCKER exists in tables filter and nat')
    case 'Unknown':
      return unavailable(`cannot determine whether chain DOCKER exists: ${found.why}`)
    case 'Missing':
      return notManaged(await docker())
  }
}

/** A chain is missing only where Docker is set to make it. */
const notManaged = ({ managesChains, why = 'its flags are unknown' }: NodeInspection['docker']): Answer | undefined => {
  if (managesChains === undefined) return unavailable(`cannot determine whether Docker manages its chains: ${why}`)
  return managesChains ? undefined : notNeeded('Docker is set not to manage chains of iptables')
}

const unresponsive = async ({ cri, clock }: RestartPreconditionDeps, unit: UnitState): Promise<Answer | undefined> => {
  if (cri === undefined) return unavailable('cannot determine whether the runtime responds: --cri-socket is not set')
  for (const last of [false, true]) {
    try {
      const { name, version, tookMs } = await cri.version(ANSWERS_WITHIN_MS)
      return notNeeded(`the runtime responds: ${name} ${version} within ${Math.round(tookMs)} ms`)
    } catch (error) {
      const silence = socketStateOf(error)
      if (silence === 'answers') return notNeeded(`the runtime responds with an error: ${shortError(error)}`)
      if (silence === 'odd')
        return unavailable(`the process behind the runtime's socket sent an unexpected response: ${shortError(error)}`)
      // The socket of a runtime that is not running may be gone; that of one that runs lies elsewhere.
      const elsewhere = silence === 'absent' && unit.active === 'active'
      if (elsewhere || silence === 'forbidden')
        return unavailable(`the runtime's socket is not accessible: ${shortError(error)}`)
    }
    if (!last) await sleep(clock, PAUSE_MS)
  }
  return undefined
}

/** A dead sandbox does not prove that a restart frees it: so much for one restart, and not for a row of them. */
const NOT_AGAIN_WITHIN_MS = 30 * 60_000

const sandboxesStuck = async (
  { cri, clock }: RestartPreconditionDeps,
  { runtime, podUids = [] }: RestartOptions,
  { name: unitName, activeSince }: UnitState,
): Promise<Answer | undefined> => {
  const startedMs = activeSince === undefined ? undefined : clock.now() - Date.parse(activeSince)
  if (startedMs !== undefined && startedMs < NOT_AGAIN_WITHIN_MS) {
    const minutes = Math.floor(startedMs / 60_000)
    return notNeeded(`${unitName} started ${minutes} min ago: another restart cannot free more`)
  }
  if (cri === undefined) return unavailable('sandboxes cannot be listed: --cri-socket is not set')
  const { name } = await cri.version(ANSWERS_WITHIN_MS)
  if (name !== CRI_NAMES[runtime]) return notNeeded(`this node's sandboxes are created by ${name}, not by ${runtime}`)
  // A pod without any sandbox may lack its network or its runtime class: only a dead one is the runtime's own.
  for (const podUid of podUids) {
    const states = (await cri.sandboxesOf(podUid)).map(({ state }) => state)
    if (states.length > 0 && !states.includes('ready')) return undefined
  }
  return notNeeded(podUids.length === 0 ? 'the task names no pods' : 'no pod that it names has a dead sandbox')
}

/** Why a restart is refused; undefined if the reason of the task applies. Rejects if the node cannot be inspected. */
export const restartRefusal = (
  deps: RestartPreconditionDeps,
  options: RestartOptions,
  unit: UnitState,
): Promise<Answer | undefined> => {
  switch (options.reason) {
    case 'ChainMissing':
      return chainMissing(deps, options)
    case 'Unresponsive':
      return unresponsive(deps, unit)
    case 'SandboxesStuck':
      return sandboxesStuck(deps, options, unit)
  }
}
