/** Every path that a document names exists: files and folders of this tree in its text, and the targets of its links. */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

/** Text that is generated from the catalogue names files of other projects as the source of a message. */
const GENERATED = /<!-- generated: [a-z-]+ -->[\s\S]*?<!-- \/generated -->/g
/** A path from the root of this tree, not one below a host or another project. */
const PATH =
  /(?<![\w./@:-])(?:src|test|testbed|e2e|scripts|demo|bench|docs|charts|crds|manifests|examples|\.ci)\/[\w./*<>-]*/g
const LINK = /\]\((?![a-z]+:|#)([^)#\s]+)/g

interface Named {
  readonly path: string
  /** The folder that it counts from. */
  readonly from: string
}

/** Every path in a document, as it is written there. */
const pathsIn = (document: string, markdown: string): readonly Named[] => {
  const text = markdown.replace(GENERATED, '')
  return [
    ...[...text.replace(LINK, '').matchAll(PATH)].map(([path]) => ({ path: path.replace(/[.,-]+$/, ''), from: '' })),
    ...[...text.matchAll(LINK)].map(([, path = '']) => ({ path, from: dirname(document) })),
  ]
}

/** `<remedy>` and `*` are any name. */
const isThere = ({ path, from }: Named): boolean =>
  globSync(join(from, path).replaceAll(/<[^>]*>/g, '*'), { cwd: root }).length > 0

const documents = ['*.md', 'docs/**/*.md', 'examples/**/*.md', 'src/**/*.md']
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .filter((path) => basename(path) !== 'CHANGELOG.md')
  .toSorted()

test.each(documents)('Every path that %s names exists', (document) => {
  const named = pathsIn(document, readFileSync(join(root, document), 'utf8'))
  expect(named.filter((one) => !isThere(one)).map(({ path }) => path)).toEqual([])
})

test('A path that is gone is found in the text and in a link, but not in an address or in what is generated', () => {
  const text = [
    'See `src/controller.ts`, src/gone.ts, `node gone/src/gone.ts`, [a page](gone.md) and [this](architecture.md#x).',
    '`src/remedies/<remedy>/plan.ts`, `src/remedies/<remedy>/gone.ts`, `test/*/gone.test.ts`, the folder `e2e/gone/`.',
    '```sh\nkubectl apply -f manifests/install.yaml -f manifests/gone.yaml\n```',
    '[elsewhere](https://example.com/docs/gone.md), `example.com/docs/gone.md`, `/run/src/gone`, `npm run e2e`',
    '<!-- generated: catalogue -->\n`src/server/auth.go`\n<!-- /generated -->',
  ].join('\n')
  const gone = pathsIn('docs/page.md', text).filter((one) => !isThere(one))
  expect(gone.map(({ path }) => path)).toEqual([
    'src/gone.ts',
    'src/remedies/<remedy>/gone.ts',
    'test/*/gone.test.ts',
    'e2e/gone/',
    'manifests/gone.yaml',
    'gone.md',
  ])
})
