/** A container runtime that is there and does not answer. */
import { conditionOf, CONTAINERD, nodeNamed, onNode } from './nodes.ts'
import type { Fixture } from './scenario.ts'

const signal = (name: string): string => `kill -${name} $(systemctl show --property MainPID --value ${CONTAINERD})`

export const thawRuntime = (fixture: Fixture, node: string): Promise<string> => onNode(fixture, node, signal('CONT'))

/** Stops the process of containerd without ending it; it goes on after the scenario. */
export const freezeRuntime = async (fixture: Fixture, node: string): Promise<void> => {
  fixture.onEnd(() => thawRuntime(fixture, node))
  await onNode(fixture, node, signal('STOP'))
}

/** Resolves once the node's Ready condition has this status, with what it says. */
export const untilReady = (fixture: Fixture, node: string, wanted: 'True' | 'False'): Promise<string> =>
  fixture.eventually(async () => {
    const ready = conditionOf(await nodeNamed(fixture, node), 'Ready')
    if (ready?.status !== wanted) throw new Error(`${node} is Ready=${ready?.status}: ${ready?.message}`)
    return ready.message ?? ''
  })
