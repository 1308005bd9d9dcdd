/** Docker's chain on a node, which pods in namespaces `e2e-b-…` need: see the network plugin `docker-chain`. */
import { onNode } from './nodes.ts'
import type { Fixture } from './scenario.ts'

const REMOVE = 'iptables -D FORWARD -o docker0 -j DOCKER; iptables -F DOCKER; iptables -X DOCKER'
const THERE = 'iptables-save -t filter | grep -q "^:DOCKER " && iptables-save -t nat | grep -q "^:DOCKER "'

export const hasChain = (fixture: Fixture, node: string): Promise<boolean> =>
  onNode(fixture, node, `if ${THERE}; then echo yes; fi`).then((text) => text === 'yes')

/** Takes the chain away as a firewall that is set up anew does; it is there again after the scenario. */
export const loseChain = async (fixture: Fixture, node: string): Promise<void> => {
  fixture.onEnd(() => onNode(fixture, node, `if ! { ${THERE}; }; then systemctl restart docker; fi`))
  await onNode(fixture, node, REMOVE)
}

const DROP_IN = '/run/systemd/system/docker.service.d'

/** Docker takes so many seconds more to start on this node, until the scenario ends: a restart can be met in the middle. */
export const startingSlowly = async (fixture: Fixture, node: string, seconds: number): Promise<void> => {
  fixture.onEnd(() => onNode(fixture, node, `rm -rf ${DROP_IN}; systemctl daemon-reload`))
  const text = `[Service]\\nExecStartPre=/bin/sleep ${seconds}\\n`
  await onNode(fixture, node, `mkdir -p ${DROP_IN}; printf '${text}' >${DROP_IN}/slowly.conf; systemctl daemon-reload`)
}
