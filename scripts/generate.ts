/**
 * Writes everything that is made out of code: CRDs, roles, tables in documents. With `--check` it writes nothing and
 * fails with the files that differ.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { alerts } from './generate/alerts.ts'
import { chartActions } from './generate/chart-actions.ts'
import { crds } from './generate/crds.ts'
import { dashboardJson } from './generate/dashboard.ts'
import { documents } from './generate/documents.ts'
import type { Generator } from './generate/generator.ts'
import { manifests } from './generate/manifests.ts'
import { rbac } from './generate/rbac.ts'

/** In this order: the last renders the chart, which others write to. */
const GENERATORS: readonly Generator[] = [crds, rbac, chartActions, alerts, dashboardJson, documents, manifests]

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const root = join(import.meta.dirname, '..')

const differing: string[] = []
for (const { outputs } of GENERATORS) {
  for (const { path, text } of await outputs(root)) {
    const file = join(root, path)
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) continue
    differing.push(path)
    if (values.check) continue
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
}

if (values.check && differing.length > 0) {
  console.error(
    `These files differ from what the code says:\n  ${differing.join('\n  ')}\nRun npm run generate and commit them.`,
  )
  process.exitCode = 1
} else {
  console.log(differing.length > 0 ? `Written: ${differing.join(', ')}` : 'Everything generated is up to date.')
}
