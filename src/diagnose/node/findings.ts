import { parseTime } from '../../model/duration.ts'
import type { FailingPod, Finding } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { NodeEntry } from '../../watch/node-cache.ts'

/**
 * What the kubelet writes on its own condition Ready when its runtime does not answer: pkg/kubelet/runtime.go. That the
 * network of the runtime is not ready is another cause.
 */
const RUNTIME_DOWN =
  /container runtime is down|PLEG is not healthy|container runtime status check may not have completed yet/i

/** A node in the list of failing pods of its incident: its own object represents it. */
const nodeAsPod = ({ name, uid, labels, annotations }: NodeEntry): Pod => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid, resourceVersion: '', labels, annotations },
  spec: { nodeName: name },
})

const findingOf = ({ readiness }: NodeEntry): Finding | undefined => {
  if (readiness === undefined) return undefined
  const { status, message } = readiness
  const base = {
    container: '',
    init: false,
    image: '',
    cause: 'RuntimeUnresponsive',
    message,
    possibleCauses: [],
  } as const
  if (status === 'False' && RUNTIME_DOWN.test(message)) return { ...base, source: 'kubelet' }
  // A silent kubelet may have died with its runtime, or the machine with it: only the agent knows.
  if (status === 'Unknown') return { ...base, source: 'event' }
  return undefined
}

/**
 * What a node reports in its condition Ready: that its runtime is down, according to the kubelet, or that the kubelet is
 * silent. No findings: the runtime is not involved. `now` in ms since the epoch.
 */
export const detectNodeFailures = (node: NodeEntry, now: number): FailingPod => {
  const finding = findingOf(node)
  return {
    pod: nodeAsPod(node),
    findings: finding ? [finding] : [],
    since: Math.min(now, parseTime(node.readiness?.since) ?? now),
  }
}

// What the message of a node's cause names: the chain that is gone, the file system type that cannot be mounted. Pure.

/** Chains that the kernel itself makes: they are always there, so a rule in one misses what it jumps to. */
const BUILT_IN: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'])

const IN_CHAIN = /\s(?:-[ANI]|--append|--insert|--new-chain)\s+(?<chain>[A-Za-z0-9_.-]{1,64})/
const JUMP = /\s(?:-j|--jump|-g|--goto)\s+(?<chain>[A-Za-z0-9_.-]{1,64})/
const NAMED = /chain '(?<chain>[^']{1,64})' does not exist|couldn't load target [`'](?<target>[^'`]{1,64})'/i

/** The chain that a firewall command missed; undefined where the message names none. */
export const chainNamedIn = (message: string): string | undefined => {
  const chain = IN_CHAIN.exec(message)?.groups?.['chain']
  if (chain !== undefined && BUILT_IN.has(chain)) return JUMP.exec(message)?.groups?.['chain'] ?? chain
  const named = NAMED.exec(message)?.groups
  return chain ?? named?.['chain'] ?? named?.['target']
}

const CREATORS: readonly (readonly [prefix: RegExp, whose: string])[] = [
  [/^KUBE-/, 'kube-proxy or the kubelet creates it'],
  [/^CNI-/, 'a CNI plugin creates it'],
  [/^cali-/, 'Calico creates it'],
  [/^CILIUM_/, 'Cilium creates it'],
  [/^FLANNEL/, 'flannel creates it'],
  [/^WEAVE/, 'Weave Net creates it'],
]

/** Who creates a chain that is not Docker's, as a clause. */
export const creatorOf = (chain: string): string =>
  CREATORS.find(([prefix]) => prefix.test(chain))?.[1] ?? 'Docker does not create it'

const TYPES: readonly RegExp[] = [
  /(?:^|\s)-t\s+(?<type>[a-z0-9][a-z0-9._-]{0,63})(?=\s|$)/i,
  /unknown filesystem type '?"?(?<type>[a-z0-9][a-z0-9._-]{0,63})/i,
  /\bmount\.(?<type>[a-z0-9][a-z0-9]{0,63})/i,
  /kubernetes\.io~(?<type>nfs|cifs|glusterfs|cephfs)/i,
  /\b(?<type>nfs|cifs|ceph) filesystem not supported/i,
  /fsconfig\(\) failed: (?<type>NFS):/i,
]

const SAME_TYPE: Readonly<Record<string, string>> = { cephfs: 'ceph' }

/** The file system type that was to be mounted; undefined where the message names none. */
export const fsTypeNamedIn = (message: string): string | undefined => {
  for (const pattern of TYPES) {
    const type = pattern.exec(message)?.groups?.['type']?.toLowerCase()
    if (type !== undefined) return SAME_TYPE[type] ?? type
  }
  return undefined
}

/** Whether a CSI driver mounts, in a container of its own: it answers by gRPC, which no plugin inside the kubelet does. */
export const isCsiMount = (message: string): boolean =>
  /kubernetes\.io[~/]csi|\bcsi\b|rpc error: code = /i.test(message)

/** What a finding is about, where its cause is one that is about something. */
export const detailOf = ({ cause, message }: Pick<Finding, 'cause' | 'message'>): string | undefined => {
  if (cause === 'IptablesChainMissing') return chainNamedIn(message)
  return cause === 'MountHelperMissing' ? fsTypeNamedIn(message) : undefined
}
