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
  podUid: uid('uid of the pod whose sandboxes are stopped and removed; refused while one of its containers runs.'),
})

const restartRuntime = z.strictObject({
  runtime: z.enum(NODE_RUNTIMES).describe('Which one. The agent knows its unit; no unit can be named here.'),
  reason: z
    .enum(RESTART_REASONS)
    .describe('Why. The agent looks whether it is so at that moment, and refuses where it is not or cannot be seen.'),
  podUids: listOf(uid('uid of a pod.'), {
    max: 64,
    what: 'With SandboxesStuck: pods of which one at least must still be without a running sandbox.',
  }).optional(),
})

/** Immutable as a whole: an order that was given is carried out or refused, never another one. */
export const nodeTaskSpec = transitions(
  ruled(
    z.strictObject({
      nodeName: text(253, 'Node that the order is for.').min(1),
      nodeUid: uid('uid of that node, so that one that was made anew under the name is not meant.'),
      verb: z.enum(NODE_VERBS).describe('What to do.'),
      deadline: time('Refused when it is not begun by then, and given up when it is not done by then.'),
      recycleSandbox: recycleSandbox.optional().describe('What RecycleSandbox is about.'),
      restartRuntime: restartRuntime.optional().describe('What RestartRuntime is about.'),
    }),
    {
      rule: "(self.verb == 'RecycleSandbox') == has(self.recycleSandbox)",
      message: 'recycleSandbox must be there with verb RecycleSandbox, and only then',
      holds: ({ verb, recycleSandbox: of }) => (verb === 'RecycleSandbox') === (of !== undefined),
      at: 'recycleSandbox',
    },
    {
      rule: "(self.verb == 'RestartRuntime') == has(self.restartRuntime)",
      message: 'restartRuntime must be there with verb RestartRuntime, and only then',
      holds: ({ verb, restartRuntime: of }) => (verb === 'RestartRuntime') === (of !== undefined),
      at: 'restartRuntime',
    },
  ),
  { rule: 'self == oldSelf', message: 'an order cannot be changed: delete it and make another' },
)

/** Something that the agent looked at; where it could not, `why` says so and nothing is guessed. */
const seen = (what: string) => ({
  known: z.boolean().describe(`Whether ${what} could be seen.`),
  why: text(512, 'Why not, where it could not be seen.').optional(),
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
  invocationId: text(64, 'Changes with each start of the unit; hexadecimal.').optional(),
  activeSince: time('Since when it is active.').optional(),
})

/** What an agent saw of its node. Each part is unknown by itself where the agent may not look. */
export const nodeInspection = z.object({
  at: time('When it looked.'),
  bootId: text(64, 'Boot of the node; another one means that it was rebooted.').optional(),
  os: z
    .object({
      ...seen('the operating system'),
      id: text(64, 'ID of os-release, e.g. debian.').optional(),
      idLike: listOf(text(64, 'A distribution that it is like.'), {
        max: 8,
        what: 'ID_LIKE of os-release.',
      }).optional(),
      versionId: text(64, 'VERSION_ID of os-release.').optional(),
      variantId: text(64, 'VARIANT_ID of os-release, e.g. coreos.').optional(),
      name: text(128, 'PRETTY_NAME of os-release.').optional(),
      immutable: z
        .boolean()
        .describe('Whether nothing can be installed on it (Talos, Bottlerocket, COS, Flatcar, …).')
        .optional(),
    })
    .describe('The operating system, by os-release.'),
  runtime: z
    .object({
      ...seen('the runtime that the kubelet uses'),
      name: text(64, 'RuntimeName as the CRI says, e.g. containerd.').optional(),
      version: text(64, 'Its version.').optional(),
      answers: z
        .boolean()
        .describe('Whether it answered in time; false where its socket is there and it did not.')
        .optional(),
      tookMs: count(0, 3_600_000, 'How long its answer took, in milliseconds.').optional(),
    })
    .describe('The CRI runtime.'),
  units: z
    .object({
      ...seen('systemd'),
      list: listOf(unit, {
        max: 16,
        what: 'Units of runtimes and of what may wipe chains (firewalld, nftables, netfilter-persistent).',
      }).optional(),
    })
    .describe('Units of systemd.'),
  chains: z
    .object({
      ...seen('the firewall'),
      list: listOf(chain, {
        max: 512,
        what: 'Chains of the host, without those of kube-proxy and of CNI plugins that are one a pod.',
      }).optional(),
      partly: text(512, 'What of it could not be seen, e.g. the legacy tables.').optional(),
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
        what: 'Types that the kernel knows now; a module may be loaded on demand.',
      }).optional(),
    })
    .describe('What can be mounted.'),
  docker: z
    .object({
      ...seen("Docker's settings"),
      installed: z.boolean().describe('Whether docker.service is there.').optional(),
      liveRestore: z.boolean().describe('Whether containers outlive a restart of Docker (live-restore).').optional(),
    })
    .describe('Docker, which may be there beside the CRI runtime.'),
})

export const nodeTaskStatus = z.object({
  phase: z.enum(TASK_PHASES).optional().describe('How far it came; absent until the agent took it.'),
  reason: z.enum(TASK_REASONS).optional().describe('Why, in one word.'),
  message: text(1024, 'Why, in a sentence.').optional(),
  startedAt: time('When the agent wrote its intent.').optional(),
  finishedAt: time('When the outcome was known.').optional(),
  before: z
    .object({
      bootId: text(64, 'Boot of the node when it was begun.').optional(),
      invocationId: text(64, 'Invocation of the unit before its restart.').optional(),
      sandboxes: listOf(text(128, 'Id of a sandbox.'), {
        max: 64,
        what: 'Sandboxes of the pod before they were removed.',
      }).optional(),
    })
    .optional()
    .describe('What was there when it was begun: by it an agent that died in the middle finds out what happened.'),
  inspection: nodeInspection.optional().describe('What Inspect saw; after RestartRuntime, what was seen then.'),
  observedGeneration: total('Generation of the spec that this answers.').optional(),
})

export type NodeTaskSpec = z.infer<typeof nodeTaskSpec>
export type NodeTaskStatus = z.infer<typeof nodeTaskStatus>
export type NodeInspection = z.infer<typeof nodeInspection>
