import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const PICTURES = join(ROOT, 'docs/pictures')

const pages = ['docs', 'docs/runbooks'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, folder, name)),
)
/** Files that a page shows or leads to, as paths below the root. */
const targetsOf = (page: string): readonly string[] =>
  [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)(?<path>[^)#]+)/g)].map(({ groups }) =>
    relative(ROOT, join(dirname(page), groups?.['path'] ?? '')),
  )

describe('pictures in the documents', () => {
  it.each(readdirSync(PICTURES))('%s is shown, and says of which run it is', (name) => {
    const shown = pages.filter((page) => targetsOf(page).includes(`docs/pictures/${name}`))
    expect(shown).not.toEqual([])
    expect(readFileSync(join(PICTURES, name), 'utf8')).toMatch(
      /<desc [^>]*>npm run pictures, \d{4}-\d\d-\d\d: \d+ cores/,
    )
  })
})
