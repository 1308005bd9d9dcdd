import type { Subcommand } from './subcommand.ts'

interface Entry {
  readonly summary: string
  /** Loaded only when called: `classify` must not wait for what `explain` needs. */
  readonly load: () => Promise<Subcommand>
}

/** Every subcommand, in the order in which the help lists them. */
export const SUBCOMMANDS: Readonly<Record<string, Entry>> = {
  explain: {
    summary: 'say why a pod or workload does not start, and what would be done',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  classify: {
    summary: 'name the cause of failure messages, without a cluster',
    load: async () => (await import('./classify.ts')).classifyCommand,
  },
  simulate: {
    summary: 'show what policies would do in the cluster as it is now',
    load: async () => (await import('./simulate.ts')).simulateCommand,
  },
  approve: {
    summary: 'approve the plan that a Remediation proposes, in your name',
    load: async () => (await import('./approve.ts')).approveCommand,
  },
  deny: {
    summary: 'deny the plan that a Remediation proposes',
    load: async () => (await import('./deny.ts')).denyCommand,
  },
  undo: {
    summary: 'put back the images that a Remediation rewrote',
    load: async () => (await import('./undo.ts')).undoCommand,
  },
  doctor: {
    summary: 'check whether podmend can work in the cluster',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  version: {
    summary: 'say which version this is',
    load: async () => (await import('./version.ts')).versionCommand,
  },
}
