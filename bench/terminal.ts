const cellsOf = (line: string): readonly string[] => line.slice(2, -2).split(' | ')

/** Aligns the columns of Markdown tables for a terminal. Pure. */
export const alignTables = (markdown: string): string => {
  const blocks = markdown.split(/(?<=\n)\n/)
  return blocks
    .map((block) => {
      const lines = block.trimEnd().split('\n')
      if (!lines[0]?.startsWith('| ')) return `${lines.join('\n')}\n`
      const rows = lines.filter((_, i) => i !== 1).map(cellsOf)
      const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
      return rows
        .map(
          (row) =>
            `${row
              .map((cell, i) => cell.padEnd(widths[i] ?? 0))
              .join('  ')
              .trimEnd()}\n`,
        )
        .join('')
    })
    .join('\n')
}
