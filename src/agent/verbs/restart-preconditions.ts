import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { findDockerChain } from '../../model/firewall.ts'
import type { NodeRuntime } from '../../model/node-tasks.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { silenceOf } from '../cri/client.ts'
import type { Cri, UnitState } from '../host/host.ts'
import { type Answer, refused, wordsOf } from './verb.ts'

type Order = NonNullable<NodeTaskSpec['restartRuntime']>

export interface RestartNeedDeps {
  /** Absent where it may not be talked to. */
  readonly cri: Cri | undefined
  readonly chains: () => Promise<NodeInspection['chains']>
  readonly clock: Clock
}

/** A runtime that takes longer for its own version does not answer. */
export const ANSWERS_WITHIN_MS = 5_000
/** One call may fall into a moment of its own; not two with a pause between. */
const PAUSE_MS = 1_000

/** RuntimeName as the CRI says it. */
const CRI_NAMES: Readonly<Record<NodeRuntime, string>> = { docker: 'docker', containerd: 'containerd', crio: 'cri-o' }

const cannotSee = (why: string): Answer => refused('CannotSee', why)
const notNeeded = (why: string): Answer => refused('NotNeeded', why)

const chainMissing = async ({ chains }: RestartNeedDeps, { runtime }: Order): Promise<Answer | undefined> => {
  if (runtime !== 'docker') return notNeeded(`chain DOCKER is Docker's: a restart of ${runtime} does not bring it back`)
  const found = findDockerChain(await chains())
  switch (found.kind) {
    case 'There':
      return notNeeded('chain DOCKER is there in tables filter and nat')
    case 'Unknown':
      return cannotSee(`whether chain DOCKER is there cannot be told: ${found.why}`)
    case 'Missing':
      return undefined
  }
}

const unresponsive = async ({ cri, clock }: RestartNeedDeps, unit: UnitState): Promise<Answer | undefined> => {
  if (cri === undefined) return cannotSee('whether the runtime answers cannot be told: --cri-socket is not given')
  for (const last of [false, true]) {
    try {
      const { name, version, tookMs } = await cri.version(ANSWERS_WITHIN_MS)
      return notNeeded(`the runtime answers: ${name} ${version} within ${Math.round(tookMs)} ms`)
    } catch (error) {
      const silence = silenceOf(error)
      if (silence === 'answers') return notNeeded(`the runtime answers, with an error: ${wordsOf(error)}`)
      if (silence === 'odd')
        return cannotSee(`who answers at the runtime's socket is not understood: ${wordsOf(error)}`)
      // The socket of a runtime that is not running may be gone; that of one that runs lies elsewhere.
      const elsewhere = silence === 'absent' && unit.active === 'active'
      if (elsewhere || silence === 'forbidden')
        return cannotSee(`the runtime's socket cannot be seen: ${wordsOf(error)}`)
    }
    if (!last) await sleep(clock, PAUSE_MS)
  }
  return undefined
}

/**
 * Nothing on the node proves that these pods should have sandboxes: the uids are the controller's word. So much for one
 * restart, and not for a row of them.
 */
const NOT_AGAIN_WITHIN_MS = 30 * 60_000

const sandboxesStuck = async (
  { cri, clock }: RestartNeedDeps,
  { runtime, podUids = [] }: Order,
  { name: unitName, activeSince }: UnitState,
): Promise<Answer | undefined> => {
  const startedMs = activeSince === undefined ? undefined : clock.now() - Date.parse(activeSince)
  if (startedMs !== undefined && startedMs < NOT_AGAIN_WITHIN_MS) {
    const minutes = Math.floor(startedMs / 60_000)
    return notNeeded(`${unitName} was started ${minutes} min ago: what a restart could free it has freed`)
  }
  if (cri === undefined) return cannotSee('the sandboxes cannot be seen: --cri-socket is not given')
  const { name } = await cri.version(ANSWERS_WITHIN_MS)
  if (name !== CRI_NAMES[runtime]) return notNeeded(`the sandboxes here are made by ${name}, not by ${runtime}`)
  for (const podUid of podUids) {
    if (!(await cri.sandboxesOf(podUid)).some(({ state }) => state === 'ready')) return undefined
  }
  return notNeeded(podUids.length === 0 ? 'the order names no pods' : 'each of the pods has a ready sandbox')
}

/** Why a restart is refused; undefined where it is as the order says. Rejects where the node cannot be asked. */
export const restartRefusal = (deps: RestartNeedDeps, order: Order, unit: UnitState): Promise<Answer | undefined> => {
  switch (order.reason) {
    case 'ChainMissing':
      return chainMissing(deps, order)
    case 'Unresponsive':
      return unresponsive(deps, unit)
    case 'SandboxesStuck':
      return sandboxesStuck(deps, order, unit)
  }
}
