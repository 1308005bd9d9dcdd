import type { Exec } from './docker-nodes.ts'

interface NodeNetwork {
  readonly name: string
  readonly podCidr: string
  readonly address: string
}

const PLUGIN_FILE = '10-podmend.conflist'

/** The beginning of the names of namespaces whose pods need the chain DOCKER of their node. */
const DOCKER_NAMESPACES = 'e2e-b-'
/** Those whose pods are stuck once their sandbox has died. */
const ONE_SANDBOX_NAMESPACES = 'e2e-sandbox-'

const conflist = ({ podCidr }: NodeNetwork): string =>
  JSON.stringify({
    cniVersion: '0.4.0',
    name: 'podmend',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods0',
        isDefaultGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'docker-chain', capabilities: { portMappings: true }, namespaces: DOCKER_NAMESPACES },
      { type: 'one-sandbox', namespaces: ONE_SANDBOX_NAMESPACES },
    ],
  })

/** Gives each node a bridge for its pods and a route to the pods of the others: what kind's own plugin does. */
export const installNetworkPlugin = async (nodes: readonly NodeNetwork[], exec: Exec): Promise<void> => {
  await Promise.all(
    nodes.map(async (node) => {
      const others = nodes.filter(({ name }) => name !== node.name)
      const routes = others.map(({ podCidr, address }) => `ip route replace ${podCidr} via ${address}`)
      const file = `/etc/cni/net.d/${PLUGIN_FILE}`
      // Written beside and renamed, or containerd would read half of it. Not in /tmp, which is emptied while a node boots,
      // but in the same folder: containerd does not heed a file that comes into it from elsewhere.
      const beside = `${file}.new`
      const script = [...routes, 'mkdir -p /etc/cni/net.d', `cat >${beside} && mv ${beside} ${file}`]
      await exec(node.name, ['sh', '-ec', script.join('\n')], conflist(node))
    }),
  )
}
