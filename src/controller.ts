/** The controller: parses its flags, takes part in leader election, and runs the control loop until a signal stops it. */
import { readFileSync } from 'node:fs'
import { UsageError } from './config/arguments.ts'
import { type Config, readConfig } from './config/config.ts'
import { createController } from './controller/controller.ts'
import { createKubeClient } from './kube/client.ts'
import { loadKubeConnection } from './kube/connection.ts'
import { createLeader } from './kube/leader-election.ts'
import { systemClock as clock } from './runtime/clock.ts'
import { startHttpServer } from './runtime/http-server.ts'
import { createLog, describeError } from './runtime/log.ts'
import { packageFile } from './runtime/package-root.ts'

/** A watch without activity for this long makes the process not ready; each is probed well before. */
const QUIET_MS = 180_000

const versionOf = (): string => {
  const text = readFileSync(packageFile('package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const run = async (config: Config): Promise<void> => {
  const log = createLog({ level: config.logLevel, format: config.logFormat })
  const version = versionOf()
  const connection = await loadKubeConnection(config.connection)
  const userAgent = `podmend/${version}`

  const leader = createLeader({
    client: createKubeClient(connection, { userAgent }),
    lease: { namespace: config.namespace, name: 'podmend', identity: config.identity },
    clock,
    onElected: () => {
      log.info('leading', { identity: config.identity })
      controller.takeOver()
    },
    onLost: (why) => {
      log.warn('no longer leading', { why })
      controller.standBy()
    },
    onError: (err) => log.warn('lease not renewed', { err }),
  })
  const leads = () => !config.leaderElect || leader.isLeader()
  const client = createKubeClient(connection, {
    userAgent,
    ...(config.leaderElect && { beforeWrite: leader.assertLeader }),
  })
  const controller = createController({ config, client, leads, clock, log, version })

  const readiness = () => {
    const quiet = controller.informers.quiet(QUIET_MS)
    return quiet.length === 0
      ? { body: 'ok\n' }
      : { status: 503, body: `no recent activity on these watches: ${quiet.join(', ')}\n` }
  }
  const server = await startHttpServer({
    host: config.httpHost,
    port: config.httpPort,
    handlers: { '/metrics': controller.metrics.scrape, '/healthz': () => ({ body: 'ok\n' }), '/readyz': readiness },
    onError: (err, { path }) => log.warn('HTTP request failed', { err, path }),
  })
  const { promise: stopSignal, resolve: stop } = Promise.withResolvers<NodeJS.Signals>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)

  log.info('started', { version, server: connection.server.host, namespace: config.namespace, port: server.port })
  controller.start()
  if (config.leaderElect) leader.start()
  void controller.informers.synced.then(() => log.info('ready'))

  const signal = await stopSignal
  log.info('stopping', { signal })
  await controller.stop()
  if (config.leaderElect) await leader.stop()
  await server.close()
}

try {
  const outcome = readConfig()
  if (outcome.kind === 'Help') process.stdout.write(outcome.text)
  else {
    await run(outcome.config)
    process.exit(0)
  }
} catch (error) {
  process.stderr.write(`podmend: ${describeError(error)}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}
