/** A real Prometheus on loopback that scrapes what it is told to, each second. */
import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import { prometheusBinaries } from './binaries.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  /** Time in seconds and value, for an instant query. */
  readonly value?: readonly [number, string]
  /** The same for each step of a range query. */
  readonly values?: readonly (readonly [number, string])[]
}

export interface RuleState {
  readonly name: string
  readonly health: string
  readonly lastError?: string
}

export interface Prometheus {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Throws with what Prometheus objects to. */
  query(expr: string): Promise<readonly Sample[]>
  /** From so many seconds ago until now. */
  queryRange(expr: string, range: { readonly seconds: number; readonly step: number }): Promise<readonly Sample[]>
  /** Names of all metrics that were scraped, and of those of Prometheus' own making. */
  names(): Promise<readonly string[]>
  /** Targets by their last scrape's error; empty text where it went well. */
  targets(): Promise<readonly { readonly url: string; readonly error: string }[]>
  rules(): Promise<readonly RuleState[]>
  down(): Promise<void>
}

export interface PrometheusOptions {
  /** Ports on 127.0.0.1, by job. */
  readonly scrape: Readonly<Record<string, readonly number[]>>
  /** A file of rules. */
  readonly rules?: string
}

/** Ends the program and removes its files when standard input ends, which it does however the parent ends. */
const GUARD = '"$0" "$@" </dev/null & exec 2>&-; read -r _; kill -KILL $!; wait $!; rm -rf -- "$DIRECTORY"'

const configOf = ({ scrape, rules }: PrometheusOptions): string =>
  stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    ...(rules !== undefined && { rule_files: ['rules.yaml'] }),
    scrape_configs: Object.entries(scrape).map(([job, ports]) => ({
      job_name: job,
      static_configs: [{ targets: ports.map((port) => `127.0.0.1:${port}`) }],
    })),
  })

/** Starts it, after downloading it if this machine has not yet. It ends with this process, however that ends. */
export const startPrometheus = async (options: PrometheusOptions): Promise<Prometheus> => {
  const { prometheus } = await prometheusBinaries()
  const directory = mkdtempSync(join(tmpdir(), 'prometheus-'))
  writeFileSync(join(directory, 'prometheus.yaml'), configOf(options))
  if (options.rules !== undefined) writeFileSync(join(directory, 'rules.yaml'), options.rules)
  const flags = [
    `--config.file=${join(directory, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
    '--log.format=json',
  ]
  const child = spawn('/bin/sh', ['-c', GUARD, prometheus, ...flags], {
    // A session of its own: Ctrl-C reaches it through its standard input.
    detached: true,
    env: { ...process.env, DIRECTORY: directory },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    const lines: string[] = []
    const output = createInterface(child.stderr)
    output.on('line', (line) => {
      lines.push(line)
      const address = /"address":"(?<address>[\d.]+:\d+)".*"msg":"Listening on"/.exec(line)?.groups?.['address']
      if (address) resolve(`http://${address}`)
    })
    // The program alone holds it: it closes when the program ends.
    output.once('close', () => reject(new Error(`starting Prometheus: it ended:\n${lines.slice(-5).join('\n')}`)))
    child.once('error', reject)
  })
  child.unref()
  // Typed as plain streams; they are sockets, and must not keep this process running.
  for (const stream of [child.stdin, child.stderr] as unknown as { unref?: () => void }[]) stream.unref?.()

  const ask = async <T>(path: string, form: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(form).toString()}`)
    const answer = (await response.json()) as { status: string; error?: string; data: T }
    if (answer.status !== 'success') throw new Error(`asking Prometheus for ${form['query'] ?? path}: ${answer.error}`)
    return answer.data
  }

  return {
    url,
    query: async (query) => (await ask<{ result: Sample[] }>('query', { query })).result,
    queryRange: async (query, { seconds, step }) => {
      const end = Date.now() / 1_000
      const form = { query, start: `${end - seconds}`, end: `${end}`, step: `${step}` }
      return (await ask<{ result: Sample[] }>('query_range', form)).result
    },
    names: () => ask('label/__name__/values'),
    targets: async () => {
      const { activeTargets } = await ask<{ activeTargets: { scrapeUrl: string; lastError: string }[] }>('targets')
      return activeTargets.map(({ scrapeUrl, lastError }) => ({ url: scrapeUrl, error: lastError }))
    },
    rules: async () => {
      const { groups } = await ask<{ groups: { rules: RuleState[] }[] }>('rules')
      return groups.flatMap(({ rules }) => rules)
    },
    down: async () => {
      child.ref()
      child.stdin.end()
      await ended
    },
  }
}
