import { describe, expect, it } from 'vitest'
import { UsageError } from './arguments.ts'
import { type Config, parseConfig } from './config.ts'
import { FLAGS } from './flags.ts'

const config = (args: readonly string[], env: Record<string, string> = {}, podNamespace?: string): Config => {
  const outcome = parseConfig(args, env, podNamespace)
  if (outcome.kind !== 'Config') throw new Error('expected a configuration')
  return outcome.config
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(config([])).toMatchObject({
      namespace: 'podmend-system',
      leaderElect: true,
      concurrency: 8,
      maxActionsPerHour: 60,
      maxActionsPerSecond: 5,
      stabilizationWindowMs: 10_000,
      httpPort: 8080,
      registryTimeoutMs: 10_000,
      registryProxy: {},
      allowRegistryAddresses: [],
      historyLimit: 500,
      ttlAfterFinishedMs: 604_800_000,
      readPullSecrets: true,
    })
  })

  it('prefers flags to variables and variables to defaults', () => {
    const env = { PODMEND_CONCURRENCY: '3', PODMEND_HISTORY_LIMIT: '20' }
    expect(config(['--concurrency', '4'], env)).toMatchObject({ concurrency: 4, historyLimit: 20, httpPort: 8080 })
  })

  it('takes an empty variable for none', () => {
    expect(config([], { PODMEND_CONCURRENCY: '' }).concurrency).toBe(8)
  })

  it('lies in the namespace of its pod unless told otherwise', () => {
    expect(config([], {}, 'repairs').namespace).toBe('repairs')
    expect(config(['--namespace=ops'], {}, 'repairs').namespace).toBe('ops')
  })

  it('gives each process a name of its own', () => {
    expect(config([]).identity).not.toBe(config([]).identity)
  })

  it.each([
    [['--leader-elect=false']],
    [['--leader-elect', 'false']],
    [['--no-leader-elect']],
    [['--leader-elect', '--no-leader-elect']],
  ])('reads a switch as %j', (args) => {
    expect(config(args).leaderElect).toBe(false)
  })

  it('collects repeated flags, and comma-separated values of a variable', () => {
    const expected = ['10.0.0.0/8', '::1/128']
    const args = ['--allow-registry-address', '10.0.0.0/8', '--allow-registry-address=::1/128']
    expect(config(args).allowRegistryAddresses).toEqual(expected)
    expect(config([], { PODMEND_ALLOW_REGISTRY_ADDRESS: '10.0.0.0/8, ::1/128' }).allowRegistryAddresses).toEqual(
      expected,
    )
  })

  it('cannot be changed', () => {
    const frozen = config(['--allow-registry-address', '10.0.0.0/8'])
    expect(Object.isFrozen(frozen)).toBe(true)
    expect(Object.isFrozen(frozen.allowRegistryAddresses)).toBe(true)
  })

  it('names every flag and every default in its help', () => {
    const outcome = parseConfig(['--concurrency', '4', '--help'], {})
    if (outcome.kind !== 'Help') throw new Error('expected the help')
    for (const { name } of Object.values(FLAGS)) expect(outcome.text).toContain(`--${name} `)
    expect(outcome.text.match(/Default: \S+/g)).toHaveLength(Object.keys(FLAGS).length)
  })

  it.each<[readonly string[], Record<string, string>, string]>([
    [['--concurency', '4'], {}, '--concurency is not a flag; see --help'],
    [['-x'], {}, '-x is not a flag; see --help'],
    [['start'], {}, 'found the argument "start", expected only flags; see --help'],
    [['--concurrency'], {}, '--concurrency: found no value, expected N'],
    [['--context', '--concurrency', '4'], {}, '--context: found no value, expected NAME'],
    [['--concurrency', '0'], {}, '--concurrency: found "0", expected a whole number from 1 to 64'],
    [['--concurrency', '2.5'], {}, '--concurrency: found "2.5", expected a whole number from 1 to 64'],
    [['--concurrency', '1e1'], {}, '--concurrency: found "1e1", expected a whole number from 1 to 64'],
    [['--max-actions-per-second', '0'], {}, '--max-actions-per-second: found "0", expected a number from 0.01 to 100'],
    [['--http-port', '70000'], {}, '--http-port: found "70000", expected a whole number from 0 to 65535'],
    [
      [],
      { PODMEND_HTTP_PORT: 'tcp://10.0.0.1:80' },
      'PODMEND_HTTP_PORT: found "tcp://10.0.0.1:80", expected a whole number',
    ],
    [['--stabilization-window', '10'], {}, '--stabilization-window: found "10", expected a duration from 1s to 1h'],
    [['--stabilization-window', '2h'], {}, '--stabilization-window: found "2h", expected a duration from 1s to 1h'],
    [['--log-level', 'loud'], {}, '--log-level: found "loud", expected one of debug, info, warn, error, silent'],
    [['--leader-elect=yes'], {}, '--leader-elect: found "yes", expected true or false'],
    [['--namespace', 'Not_A_Name'], {}, '--namespace: found "Not_A_Name", expected the name of a namespace'],
    [
      ['--allow-registry-address', '10.0.0.1'],
      {},
      '--allow-registry-address: found "10.0.0.1", expected addresses in CIDR form',
    ],
    [
      ['--allow-registry-address', '10.0.0.0/33'],
      {},
      '--allow-registry-address: found "10.0.0.0/33", expected addresses',
    ],
    [
      ['--allow-registry-address', 'fd00::/129'],
      {},
      '--allow-registry-address: found "fd00::/129", expected addresses',
    ],
    [[], { HTTPS_PROXY: 'ftp://proxy' }, 'HTTPS_PROXY: found "ftp://proxy", expected a proxy such as'],
    [['--identity', ' '], {}, '--identity: found " ", expected some text'],
  ])('refuses %j %j with a sentence', (args, env, sentence) => {
    expect(() => config(args, env)).toThrow(UsageError)
    expect(() => config(args, env)).toThrow(sentence)
  })
})
