import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Generator, Output } from './generator.ts'
import { TABLES } from './tables.ts'

const BLOCK = /(<!-- generated: ([a-z-]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g

/** Fills the blocks between `<!-- generated: NAME -->` and `<!-- /generated -->`; throws on a name that no table has. */
export const fillBlocks = async (text: string, path: string, root: string): Promise<string> => {
  const filled = new Map<string, string>()
  for (const [, , name = ''] of text.matchAll(BLOCK)) {
    const table = TABLES[name]
    if (!table) throw new Error(`${path}: no table is named ${name}; there are ${Object.keys(TABLES).join(', ')}`)
    filled.set(name, await table(root))
  }
  return text.replace(BLOCK, (_, begin: string, name: string, end: string) => `${begin}\n${filled.get(name)}\n\n${end}`)
}

/** Each table exists once, and other documents link to it: throws if a second document has the same table. */
export const refuseRepeats = (documents: readonly Output[]): void => {
  const pageOf = new Map<string, string>()
  for (const { path, text } of documents) {
    for (const [, , name = ''] of text.matchAll(BLOCK)) {
      const first = pageOf.get(name)
      if (first) throw new Error(`${path}: table ${name} is in ${first} already; link to it`)
      pageOf.set(name, path)
    }
  }
}

/** Tables in the documents, from the constants that the code uses. */
export const documents: Generator = {
  name: 'documents',
  outputs: async (root) => {
    const outputs: Output[] = []
    for await (const path of glob(['*.md', 'docs/**/*.md'], { cwd: root })) {
      const text = await readFile(join(root, path), 'utf8')
      if (text.includes('<!-- generated: ')) outputs.push({ path, text: await fillBlocks(text, path, root) })
    }
    const sorted = outputs.toSorted((a, b) => (a.path < b.path ? -1 : 1))
    refuseRepeats(sorted)
    return sorted
  },
}
