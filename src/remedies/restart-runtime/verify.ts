import { type Ask, askFor, type DecisionInput } from '../../model/decision-input.ts'
import { findDockerChain } from '../../model/firewall.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { verifyTasks } from '../node-tasks/verify.ts'
import type { Progress } from '../remedy.ts'
import type { Started } from '../running-pods.ts'

/** After the restart of the kubelet's runtime the node must be Ready again. */
const nodeBack = ({ facts, incident }: DecisionInput, { step }: InProgress): Started | Ask => {
  if (step.node?.reason !== 'Unresponsive' && step.node?.reason !== 'SandboxesStuck') return { since: 0 }
  const ask = askFor(facts, [{ fact: 'node' }])
  if (ask) return ask
  const { node } = facts
  if (!node?.known) return { lacks: `whether node ${incident.owner.ref.name} is Ready is unknown: ${node?.why}` }
  return node.value.ready ? { since: 0 } : { lacks: `node ${node.value.name} is not Ready yet` }
}

export const verify = (c: DecisionInput, inProgress: InProgress): Progress =>
  verifyTasks(c, inProgress, {
    nodeBack,
    inVain: ({ step }, { chains }) =>
      step.node?.reason === 'ChainMissing' && findDockerChain(chains).kind === 'Missing'
        ? 'docker was restarted, but its chain is still missing'
        : undefined,
  })
