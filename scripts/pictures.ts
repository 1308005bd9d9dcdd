/**
 * `npm run pictures`: plays the demo, and draws what happened. The pictures in `docs/pictures/` show a real run and say
 * which; nothing in them is drawn by hand. `-- FILE` draws JSON lines that were kept from a run on this machine.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { LEFT_ALONE, REPAIRED } from '../testbed/demo/scene.ts'
import { timeLineSvg } from './pictures/svg.ts'
import { type Line, timeLineOf } from './pictures/time-line.ts'

const root = join(import.meta.dirname, '..')

/** The demo's lines. Throws when it does not end as it must. */
const playDemo = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const demo = spawn(process.execPath, [join(root, 'scripts/demo.ts'), '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    demo.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    demo.once('error', reject)
    demo.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`playing the demo: it ended with ${code}:\n${text}`)),
    )
  })

const linesOf = (text: string): readonly (Line & { readonly time: string })[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line & { readonly time: string })

const kubernetesVersion = (): string => {
  const modules = readFileSync(join(root, 'testbed/control-plane/go/go.mod'), 'utf8')
  return /k8s\.io\/kubernetes (?<version>v[\d.]+)/.exec(modules)?.groups?.['version'] ?? 'of the test bed'
}

const machine = (): string => {
  const all = cpus()
  const model = all[0]?.model.trim() ?? ''
  return `${all.length} cores${model === '' || model === 'unknown' ? '' : ` (${model})`}`
}

const [file] = process.argv.slice(2)
const lines = linesOf(file === undefined ? await playDemo() : readFileSync(file, 'utf8'))
const day = lines[0]?.time.slice(0, 10) ?? ''
const svg = timeLineSvg(
  timeLineOf(lines, { repaired: REPAIRED.place, leftAlone: LEFT_ALONE.map(({ place }) => place) }),
  {
    title: 'A moved registry project: seconds from the first failed pull',
    source: `npm run pictures, ${day}: ${machine()}, Kubernetes ${kubernetesVersion()}, real API server and registry, stand-in kubelets`,
  },
)
const path = 'docs/pictures/incident-a.svg'
mkdirSync(join(root, 'docs/pictures'), { recursive: true })
writeFileSync(join(root, path), svg)
console.log(`Written: ${path}`)
