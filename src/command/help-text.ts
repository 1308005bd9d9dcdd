import { type Option, type Options, withHelp } from './flags.ts'
import type { Usage } from './subcommand.ts'

const WIDTH = 92

/** Breaks a paragraph into lines of at most `width` characters; a longer word stands alone. */
export const wrap = (text: string, width = WIDTH): readonly string[] => {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const optionTerm = (name: string, { short, type, value, choices }: Option): string => {
  const argument = type === 'boolean' ? '' : ` ${choices?.join('|') ?? value ?? 'VALUE'}`
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${argument}`
}

/** Terms with their explanations beside them, in two columns. */
export const glossary = (entries: readonly (readonly [string, string])[]): readonly string[] => {
  const indent = Math.max(...entries.map(([term]) => term.length)) + 2
  return entries.flatMap(([term, text]) =>
    wrap(text, Math.max(40, WIDTH - indent)).map((line, i) => `  ${(i === 0 ? term : '').padEnd(indent)}${line}`),
  )
}

/** The help of one subcommand. */
export const helpOf = ({ name, synopsis, text, examples }: Usage, options: Options): string =>
  [
    `kubectl mend ${name} ${synopsis}`.trimEnd(),
    '',
    ...wrap(text),
    '',
    'Options:',
    ...glossary(Object.entries(withHelp(options)).map(([flag, option]) => [optionTerm(flag, option), option.help])),
    ...(examples.length > 0 ? ['', 'Examples:', ...examples.map((example) => `  ${example}`)] : []),
    '',
  ].join('\n')
