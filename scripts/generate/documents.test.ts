import { describe, expect, it } from 'vitest'
import { fillBlocks, refuseRepeats } from './documents.ts'
import { table } from './tables.ts'

const filled = (text: string): Promise<string> => fillBlocks(text, 'docs/x.md', '.')

describe('blocks in documents', () => {
  it('are filled again, and the text around them is kept', async () => {
    const once = await filled('before\n<!-- generated: phases -->\nold\n<!-- /generated -->\nafter\n')
    expect(once).toMatch(/^before\n<!-- generated: phases -->\n\n\| Phase \| Meaning \|/)
    expect(once).toMatch(/\n\n<!-- \/generated -->\nafter\n$/)
    expect(once).not.toContain('old')
    expect(await filled(once)).toBe(once)
  })

  it('are refused if no table has their name', async () => {
    await expect(filled('<!-- generated: phase -->\n<!-- /generated -->')).rejects.toThrow(
      'docs/x.md: no table is named phase; there are causes, ',
    )
  })

  it('are refused in a second place', () => {
    const block = '<!-- generated: phases -->\n<!-- /generated -->'
    expect(() => refuseRepeats([{ path: 'docs/x.md', text: `${block}\n${block}` }])).toThrow(
      'docs/x.md: table phases is in docs/x.md already',
    )
    expect(() =>
      refuseRepeats([
        { path: 'a.md', text: block },
        { path: 'b.md', text: block },
      ]),
    ).toThrow('b.md: table phases is in a.md already')
    expect(() => refuseRepeats([{ path: 'a.md', text: block }])).not.toThrow()
  })

  it('keep bars inside their cells', () => {
    expect(table(['a'], [['b|c\nd']])).toBe('| a |\n| --- |\n| b\\|c d |')
  })
})
