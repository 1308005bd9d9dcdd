/** The node agent: reads its flags and executes the tasks of its node until it is stopped. */
import { runAgent } from './agent/agent.ts'
import { agentHelp, readAgentConfig } from './agent/config.ts'
import { UsageError } from './config/arguments.ts'
import { createLineLog, describeError } from './runtime/log-line.ts'

const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort())

/** The short-lived pod that installs a mount helper runs the same program with this word first. */
const INSTALL = 'install-mount-helper'

try {
  const [first, ...rest] = process.argv.slice(2)
  if (first === INSTALL) {
    const { runInstall } = await import('./agent/install/install.ts')
    process.exit(await runInstall(rest, stopping.signal))
  }
  if (first === '--help' || rest.includes('--help')) {
    process.stdout.write(agentHelp())
    process.exit(0)
  }
  const config = readAgentConfig()
  await runAgent(
    config,
    createLineLog(config.logLevel, (line) => process.stderr.write(line)),
    stopping.signal,
  )
  process.exit(0)
} catch (error) {
  process.stderr.write(`podmend-agent: ${describeError(error)}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}
