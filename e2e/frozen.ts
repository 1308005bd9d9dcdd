/** A container runtime that is there and does not answer. */
import { conditionOf, CONTAINERD, nodeNamed, onNode } from './nodes.ts'
import type { Stage } from './scenario.ts'

const signal = (name: string): string => `kill -${name} $(systemctl show --property MainPID --value ${CONTAINERD})`

export const thawRuntime = (stage: Stage, node: string): Promise<string> => onNode(stage, node, signal('CONT'))

/** Stops the process of containerd without ending it; it goes on after the scenario. */
export const freezeRuntime = async (stage: Stage, node: string): Promise<void> => {
  stage.onEnd(() => thawRuntime(stage, node))
  await onNode(stage, node, signal('STOP'))
}

/** Resolves once the node's Ready condition has this status, with what it says. */
export const untilReady = (stage: Stage, node: string, wanted: 'True' | 'False'): Promise<string> =>
  stage.eventually(async () => {
    const ready = conditionOf(await nodeNamed(stage, node), 'Ready')
    if (ready?.status !== wanted) throw new Error(`${node} is Ready=${ready?.status}: ${ready?.message}`)
    return ready.message ?? ''
  })
