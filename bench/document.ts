/** docs/benchmarks.md, written by `npm run bench -- --write`. Pure. */
import { betterThan, type Goal, goalsOf, isMet, sentenceOf } from './goals.ts'
import { WARM_UP } from './latency.ts'
import type { Row } from './options.ts'
import type { Machine, Results } from './results.ts'
import { tablesOf } from './tables.ts'

const METHOD = `How each row is measured:

- The contenders run one after the other (for P1, the bare loop, podmend and makeInformer in turns, two rounds each; for P7, P12
  and P13, and all but podmend for P3 and P4, side by side), each as its own process with an environment of its own, against the same control plane (etcd, kube-apiserver,
  kube-controller-manager on loopback). podmend runs as shipped, as one bundle and as in a pod, with the RBAC roles of \`manifests/\`.
- \`bench/reference.ts\` does the same job with \`makeInformer\` and the typed API of @kubernetes/client-node, \`bench/controller-runtime\` with
  controller-runtime, once as kubebuilder scaffolds it (one worker, all pods in its cache; it has had no limit of requests per second since
  version 0.21) and once tuned (ten workers, only pending pods, stripped; owners read without a cache), \`bench/kopf\` with kopf. Each of them
  reads the owner, writes a record and its intent, and deletes the pod; only the reference verifies. They have no policies and no guardrails, write no Events and read neither
  namespace nor node. The descheduler evicts pods that wait with ErrImagePull or ImagePullBackOff, once a second; it records nothing.
- Healthy pods and nodes are written once, by bulk creates with their status. kwok would hold them in that state and change nothing in it, so it is not used.
- Healthy and broken pods have the size of pods from charts; each broken workload is a Deployment of one pod, created by the
  real controllers. A failing status (\`ErrImagePull\`) is written as a kubelet writes it, together with its Event.
- Times come from the audit log of the API server: from the response to the failing status (commit) until the contender's
  first write on the pod itself arrives. The first ${WARM_UP} incidents of each round are excluded from p50 and p99; the very
  first, cold one is shown separately.
- F is the p50 of a bare loop (\`bench/bare.ts\`: line of the watch → GET → DELETE guarded by uid and resourceVersion → 200)
  in the same run and by the same clock, from the commit to the response to its DELETE.
- Memory is VmRSS and RssAnon of \`/proc/PID/status\`, the median of five readings after an idle period; the peak is VmHWM.
- P2: from the response to the first failing status until the last deletion or eviction arrives.
- P4: the process starts in a control group with this limit. Pages of its program that another process has loaded do not count in it.
- P7: the API server's audit log has when each watch ended, and for how long it was asked for; the figure is the larger of both rates.
- P8: from exec to the line in the log that says that it is ready (podmend: synced and leading), the median of three starts.
- P12: TCP payload from the API server, counted by a forwarder; beside it, one watch of all pods.
- P13: a forwarder stops all connections without closing them; new ones pass. Then workloads break.
- P14 is \`npm run faults\` ([faults.md](faults.md)).
- P15: the held incidents are a third each of a policy that observes, of one that waits for approvals, and of workloads that Argo CD manages.
- Requests are counted in the audit log by user. Watches (their initial list included) and the lease depend on time and not
  on remediations, and are excluded.
- Each node agent has a node, a pod and that pod's own token, and is idle. CPU time is the kernel's (utime and
  stime of \`/proc/PID/stat\`) over the idle period.
- One process classifies the messages repeatedly for 3 s. The loop for comparison tries one row after the other, with \`includes\` and JavaScript's
  own regular expressions, and knows neither contexts nor wrapped errors. The event loop delay is that of the process from its start until it
  has read all healthy pods.
- A TCP forwarder in front of the API server counts connections from the start of the process.
`

/** Why a row can miss a goal. */
const REASONS: Readonly<Partial<Record<Row, string>>> = {
  P1: 'Seven sequential round trips precede the write (owner, namespace and node, what stops a write, record, intent, what excludes the workload), two of them writes through admission and etcd; F has two round trips. If other work keeps the cores busy, each also waits for a core, and these waits dominate p99.',
  P2: 'A turn to act that is not used within 5 s is lost. Where requests take 50 ms and more, incidents wait longer than that for one of the four workers of their namespace, and then for another turn.',
  P3: 'Readings of one process differ by some MB between starts; a difference within that range is not growth.',
  P5: 'Beyond the least are the documented Events on the policy and its second status write; other requests are repeated reads after a conflict.',
  P9: 'What is not anonymous is the program of Node.js itself; flags of V8 change a few MB.',
  P10: 'An empty Node.js process uses 45 MB, one with an open TLS connection 59 MB; only the rest belongs to the agent.',
  P11: 'The machine was busy with other work, or a new row contains common words.',
  P6: 'The pool (16), the watches (5) and the lease (1) are opened once; with fewer than 4,400 calls that is more than 5 per 1,000.',
}

/** One line for each goal that was not reached, with the reason. */
const missedIn = (goals: readonly Goal[]): string => {
  const missed = goals.filter((goal) => !isMet(goal))
  if (missed.length === 0) return 'All measured rows reached their goals.'
  return [...new Set(missed.map(({ row }) => row))]
    .map((row) => {
      const sentences = missed.filter((goal) => goal.row === row).map(sentenceOf)
      return `- ${row}. ${[...sentences, REASONS[row] ?? ''].join(' ').trim()}`
    })
    .join('\n')
}

/** For the terminal: how many were reached and lost, and which. */
export const summaryOf = (goals: readonly Goal[]): string => {
  const lines = goals.map((goal) => `${goal.row.padEnd(4)} ${sentenceOf(goal)}`)
  const met = goals.filter(isMet).length
  const lost = goals.filter((goal) => betterThan(goal).length > 0).length
  return [...lines, `${met} of ${goals.length} goals met; ${lost} lost to another contender`].join('\n')
}

const placeOf = ({ cores, cpu, memoryGiB, node, kubernetes }: Machine): string =>
  `${cores} cores (${cpu}), ${memoryGiB} GiB, Node ${node}, Kubernetes ${kubernetes}`

/** The document, from the latest figures of each row. */
export const documentOf = (results: Results): string => {
  const machines = new Set(Object.values(results).map(({ machine }) => placeOf(machine)))
  return `# Benchmarks

Written by \`npm run bench -- --write\`, measured on ${[...machines].join('; and on ')}. etcd, the API server, the controllers, the load and the
contender share the cores, so ratios are more meaningful than milliseconds. Each row says when it was measured, and how much
other work the machine had before.

${METHOD}
## Goals not reached, and why

${missedIn(goalsOf(results))}

${tablesOf(results)}`
}
