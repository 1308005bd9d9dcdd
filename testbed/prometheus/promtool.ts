import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prometheusBinaries } from './binaries.ts'

export interface PromtoolResult {
  readonly ok: boolean
  /** What promtool said. */
  readonly said: string
}

/** Runs promtool where the files lie, each under its name. */
const promtool = async (args: readonly string[], files: Readonly<Record<string, string>>): Promise<PromtoolResult> => {
  const { promtool: program } = await prometheusBinaries()
  const directory = mkdtempSync(join(tmpdir(), 'promtool-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: directory, encoding: 'utf8' })
    return { ok: status === 0, said: `${stdout}${stderr}` }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Whether Prometheus would load these rules, and its own lint has nothing to say. */
export const checkRules = (rules: string): Promise<PromtoolResult> =>
  promtool(['check', 'rules', '--lint=all', '--lint-fatal', 'rules.yaml'], { 'rules.yaml': rules })

/** Runs promtool's unit tests; `tests` names the rules as `rules.yaml`. */
export const testRules = (rules: string, tests: string): Promise<PromtoolResult> =>
  promtool(['test', 'rules', 'tests.yaml'], { 'rules.yaml': rules, 'tests.yaml': tests })
