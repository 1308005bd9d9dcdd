import { UsageError } from '../config/arguments.ts'
import { EXIT, type ExitStatus, glossary, sentenceOf, type Subcommand } from './subcommand.ts'
import type { Terminal } from './terminal.ts'

/** Options with a value that may precede the subcommand. */
const VALUED = ['-n', '--namespace', '-o', '--output', '--context', '--kubeconfig', '--as']

/** The first argument that is neither an option nor an option's value is the subcommand. */
const splitName = (args: readonly string[]): { readonly name?: string; readonly rest: readonly string[] } => {
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i] ?? ''
    if (VALUED.includes(arg)) i += 1
    else if (!arg.startsWith('-')) return { name: arg, rest: args.toSpliced(i, 1) }
  }
  return { rest: args }
}

const overview = (): string =>
  [
    'kubectl mend explains why pods do not start and what podmend would do about it.',
    '',
    'kubectl mend SUBCOMMAND [options]',
    '',
    ...glossary([
      ...Object.entries(SUBCOMMANDS).map(([name, { summary }]): [string, string] => [name, summary]),
      ['help', 'show this overview, or the help of a subcommand'],
    ]),
    '',
    'Run kubectl mend SUBCOMMAND --help for its options.',
    '',
  ].join('\n')

const invoke = async (args: readonly string[], terminal: Terminal): Promise<ExitStatus> => {
  const { name, rest } = splitName(args)
  if (name === undefined || name === 'help') {
    const about = name === 'help' ? splitName(rest).name : undefined
    if (about !== undefined && about !== 'help') return invoke([about, '--help'], terminal)
    if (name === undefined && args.includes('--version')) return invoke(['version'], terminal)
    await terminal.write(overview())
    return EXIT.done
  }
  const entry = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined
  if (!entry) {
    throw new UsageError(
      `unknown subcommand "${name.slice(0, 80)}"; expected one of ${[...Object.keys(SUBCOMMANDS), 'help'].join(', ')}`,
    )
  }
  return (await entry.load()).invoke(rest, terminal)
}

/** Runs `kubectl mend ARGS`. Never rejects: reports errors as one sentence on standard error and by the exit status. */
export const run = async (args: readonly string[], terminal: Terminal): Promise<ExitStatus> => {
  try {
    return await invoke(args, terminal)
  } catch (error) {
    terminal.warn(`error: ${sentenceOf(error)}`)
    return error instanceof UsageError ? EXIT.misused : EXIT.failed
  }
}

interface Entry {
  readonly summary: string
  /** Loaded on demand: `classify` must not wait for the dependencies of `explain`. */
  readonly load: () => Promise<Subcommand>
}

/** Every subcommand, in the order in which the help lists them. */
export const SUBCOMMANDS: Readonly<Record<string, Entry>> = {
  explain: {
    summary: 'explain why a pod or workload does not start and what podmend would do',
    load: async () => (await import('./explain/explain.ts')).explainCommand,
  },
  classify: {
    summary: 'name the cause of failure messages, without a cluster',
    load: async () => (await import('./classify/classify.ts')).classifyCommand,
  },
  simulate: {
    summary: 'show what policies would do in the cluster as it is now',
    load: async () => (await import('./simulate/simulate.ts')).simulateCommand,
  },
  approve: {
    summary: 'approve, in your name, the plan that a Remediation proposes',
    load: async () => (await import('./approve/approve.ts')).approveCommand,
  },
  deny: {
    summary: 'deny the plan that a Remediation proposes',
    load: async () => (await import('./approve/approve.ts')).denyCommand,
  },
  undo: {
    summary: 'restore the images that a Remediation rewrote',
    load: async () => (await import('./undo/undo.ts')).undoCommand,
  },
  doctor: {
    summary: 'check whether podmend can work in this cluster',
    load: async () => (await import('./doctor/doctor.ts')).doctorCommand,
  },
  version: {
    summary: 'print the version',
    load: async () => (await import('./version.ts')).versionCommand,
  },
}
