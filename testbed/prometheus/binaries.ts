import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { debianRoot } from '../image/debian-root.ts'

export interface PrometheusBinaries {
  readonly prometheus: string
  readonly promtool: string
}

/** Neither Debian's package nor one on the PATH; the message names the ways out. */
export class NoPrometheusError extends Error {
  override readonly name = 'NoPrometheusError'
}

const answers = (program: string): boolean => spawnSync(program, ['--version']).status === 0

const find = async (): Promise<PrometheusBinaries> => {
  try {
    const folder = join(await debianRoot('prometheus', ['prometheus']), 'usr/bin')
    return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') }
  } catch (cause) {
    if (answers('prometheus') && answers('promtool')) return { prometheus: 'prometheus', promtool: 'promtool' }
    throw new NoPrometheusError(
      'Alerts and dashboard are tried on a real Prometheus: put prometheus and promtool on the PATH, ' +
        "or run where apt can download Debian's package prometheus.",
      { cause },
    )
  }
}

let asked: Promise<PrometheusBinaries> | undefined

/**
 * Debian's `prometheus` and `promtool`, unpacked into the cache and not installed; else those on the PATH. Throws
 * `NoPrometheusError`.
 */
export const prometheusBinaries = (): Promise<PrometheusBinaries> => (asked ??= find())
