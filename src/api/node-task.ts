import { z } from 'zod'
import { NODE_RUNTIMES, NODE_VERBS, RESTART_REASONS, TASK_PHASES, TASK_REASONS } from '../model/node-tasks.ts'
import { count, fitting, listOf, ruled, text, time, total, transitions } from './schema.ts'

const uid = (what: string) =>
  fitting({
    pattern: '^[0-9a-zA-Z-]{1,64}$',
    max: 64,
    what,
    message: 'uid must be a uid: letters, digits and hyphens',
  })

const recycleSandbox = z.strictObject({
  podUid: uid(
    'uid of the pod whose sandboxes are stopped and removed; refused while a container of the pod is running.',
  ),
})

const restartRuntime = z.strictObject({
  runtime: z
    .enum(NODE_RUNTIMES)
    .describe('The runtime to restart. The agent maps it to a systemd unit; a unit cannot be named here.'),
  reason: z
    .enum(RESTART_REASONS)
    .describe(
      'Why a restart is needed. The agent verifies this first and refuses when it does not hold or cannot be verified.',
    ),
  podUids: listOf(uid('uid of a pod.'), {
    max: 64,
    what: 'With SandboxesStuck: pods, at least one of which must still lack a running sandbox.',
  }).optional(),
})

/** Immutable: a task is executed or refused, but never changed. */
export const nodeTaskSpec = transitions(
  ruled(
    z.strictObject({
      nodeName: text(253, 'Node that the task is for.').min(1),
      nodeUid: uid('uid of that node, so that a recreated node of the same name does not match.'),
      verb: z.enum(NODE_VERBS).describe('Verb of the task.'),
      deadline: time('The task is refused if not started by then, and times out if not finished by then.'),
      recycleSandbox: recycleSandbox.optional().describe('Options of RecycleSandbox.'),
      restartRuntime: restartRuntime.optional().describe('Options of RestartRuntime.'),
    }),
    {
      rule: "(self.verb == 'RecycleSandbox') == has(self.recycleSandbox)",
      message: 'recycleSandbox must be set with verb RecycleSandbox, and only then',
      holds: ({ verb, recycleSandbox: of }) => (verb === 'RecycleSandbox') === (of !== undefined),
      at: 'recycleSandbox',
    },
    {
      rule: "(self.verb == 'RestartRuntime') == has(self.restartRuntime)",
      message: 'restartRuntime must be set with verb RestartRuntime, and only then',
      holds: ({ verb, restartRuntime: of }) => (verb === 'RestartRuntime') === (of !== undefined),
      at: 'restartRuntime',
    },
  ),
  { rule: 'self == oldSelf', message: 'a task is immutable: delete it and create another' },
)

/** A result of the inspection; if the agent could not check it, `why` has the reason. */
const seen = (what: string) => ({
  known: z.boolean().describe(`Whether ${what} could be read.`),
  why: text(512, 'Why not, if it could not be read.').optional(),
})

const chain = z.object({
  backend: z.enum(['legacy', 'nft']).describe('Which tables: of iptables-legacy, or of nftables.'),
  family: z.enum(['ip', 'ip6', 'inet']).describe('Address family of the table.'),
  table: text(64, 'Table, e.g. filter.'),
  name: text(128, 'Chain, e.g. DOCKER.'),
})

const unit = z.object({
  name: text(128, 'systemd unit, e.g. docker.service.'),
  load: text(32, 'Whether systemd knows it: loaded, not-found, masked.'),
  active: text(32, 'active, inactive, failed, activating, deactivating.'),
  enabled: text(32, 'enabled, disabled, static, masked; empty where unknown.'),
  invocationId: text(64, 'Invocation ID in hexadecimal; changes with every start of the unit.').optional(),
  activeSince: time('When the unit became active.').optional(),
})

/** The inspection of a node. Each part may be unknown if the agent lacks access. */
export const nodeInspection = z.object({
  at: time('When the node was inspected.'),
  bootId: text(64, 'Boot ID of the node; a different one means that the node rebooted.').optional(),
  os: z
    .object({
      ...seen('the operating system'),
      id: text(64, 'ID of os-release, e.g. debian.').optional(),
      idLike: listOf(text(64, 'A related distribution.'), {
        max: 8,
        what: 'ID_LIKE of os-release.',
      }).optional(),
      versionId: text(64, 'VERSION_ID of os-release.').optional(),
      variantId: text(64, 'VARIANT_ID of os-release, e.g. coreos.').optional(),
      name: text(128, 'PRETTY_NAME of os-release.').optional(),
      immutable: z
        .boolean()
        .describe('Whether packages cannot be installed (Talos, Bottlerocket, COS, Flatcar, …).')
        .optional(),
    })
    .describe('The operating system, by os-release.'),
  runtime: z
    .object({
      ...seen('the runtime that the kubelet uses'),
      name: text(64, 'RuntimeName as reported by the CRI, e.g. containerd.').optional(),
      version: text(64, 'Its version.').optional(),
      answers: z
        .boolean()
        .describe('Whether the runtime responded in time; false if its socket exists but it did not.')
        .optional(),
      tookMs: count(0, 3_600_000, 'How long the response took, in milliseconds.').optional(),
    })
    .describe('The CRI runtime.'),
  units: z
    .object({
      ...seen('systemd'),
      list: listOf(unit, {
        max: 16,
        what: 'Units of runtimes, and of firewalls that may remove chains (firewalld, nftables, netfilter-persistent).',
      }).optional(),
    })
    .describe('Units of systemd.'),
  chains: z
    .object({
      ...seen('the firewall'),
      list: listOf(chain, {
        max: 512,
        what: 'Chains of the host, without the per-service and per-pod chains of kube-proxy and CNI plugins.',
      }).optional(),
      partly: text(512, 'What could not be read, e.g. the legacy tables.').optional(),
      omitted: count(1, 1_000_000, 'How many further chains were left out because the list is full.').optional(),
    })
    .describe('Firewall chains in the network namespace of the node.'),
  mounts: z
    .object({
      ...seen('the mount helpers'),
      helpers: listOf(text(64, 'File system type.'), {
        max: 64,
        what: 'Types that have a /sbin/mount.TYPE.',
      }).optional(),
      filesystems: listOf(text(64, 'File system type.'), {
        max: 128,
        what: 'File system types that the kernel supports now; modules may be loaded on demand.',
      }).optional(),
    })
    .describe('Supported mounts.'),
  docker: z
    .object({
      ...seen("Docker's settings"),
      installed: z.boolean().describe('Whether docker.service exists.').optional(),
      liveRestore: z.boolean().describe('Whether containers survive a restart of Docker (live-restore).').optional(),
      managesChains: z
        .boolean()
        .describe(
          'Whether Docker is set to manage chains of iptables, by daemon.json and its flags; absent where unknown.',
        )
        .optional(),
    })
    .describe('Docker, which may be installed beside the CRI runtime.'),
})

export const nodeTaskStatus = z.object({
  phase: z.enum(TASK_PHASES).optional().describe('Current phase; absent until the agent accepts the task.'),
  reason: z.enum(TASK_REASONS).optional().describe('Machine-readable reason.'),
  message: text(1024, 'Human-readable explanation.').optional(),
  startedAt: time('When the agent recorded its intent.').optional(),
  finishedAt: time('When the result was known.').optional(),
  before: z
    .object({
      bootId: text(64, 'Boot ID of the node when the task started.').optional(),
      invocationId: text(64, 'Invocation ID of the unit before its restart.').optional(),
      sandboxes: listOf(text(128, 'Id of a sandbox.'), {
        max: 64,
        what: 'Sandboxes of the pod before they were removed.',
      }).optional(),
    })
    .optional()
    .describe('State when the task started, from which a restarted agent determines what happened.'),
  inspection: nodeInspection
    .optional()
    .describe('Result of Inspect; after RestartRuntime, the state of the node then.'),
  observedGeneration: total('Generation of the spec that this status refers to.').optional(),
})

export type NodeTaskSpec = z.infer<typeof nodeTaskSpec>
export type NodeTaskStatus = z.infer<typeof nodeTaskStatus>
export type NodeInspection = z.infer<typeof nodeInspection>
