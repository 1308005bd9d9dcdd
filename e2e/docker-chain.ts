/** Docker's chain on a node, which pods in namespaces `e2e-b-…` need: see the network plugin `docker-chain`. */
import { onNode } from './nodes.ts'
import type { Stage } from './scenario.ts'

const REMOVE = 'iptables -D FORWARD -o docker0 -j DOCKER; iptables -F DOCKER; iptables -X DOCKER'
const THERE = 'iptables-save -t filter | grep -q "^:DOCKER " && iptables-save -t nat | grep -q "^:DOCKER "'

export const hasChain = (stage: Stage, node: string): Promise<boolean> =>
  onNode(stage, node, `if ${THERE}; then echo yes; fi`).then((text) => text === 'yes')

/** Takes the chain away as a firewall that is set up anew does; it is there again after the scenario. */
export const loseChain = async (stage: Stage, node: string): Promise<void> => {
  stage.onEnd(() => onNode(stage, node, `if ! { ${THERE}; }; then systemctl restart docker; fi`))
  await onNode(stage, node, REMOVE)
}
