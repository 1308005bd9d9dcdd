import { readFile } from 'node:fs/promises'
import { packageFile } from '../runtime/package-root.ts'
import { EXIT, subcommand } from './subcommand.ts'
import { formatData } from './terminal.ts'

export const readVersion = async (): Promise<string> =>
  (JSON.parse(await readFile(packageFile('package.json'), 'utf8')) as { readonly version: string }).version

export const versionCommand = subcommand(
  { name: 'version', synopsis: '[options]', text: 'Prints the version of podmend.', examples: [] },
  { output: { type: 'string', short: 'o', choices: ['json', 'yaml'], help: 'print as data' } },
  async ({ values }, terminal) => {
    const version = await readVersion()
    await terminal.write(formatData({ version, node: process.versions.node }, values.output) ?? `podmend ${version}\n`)
    return EXIT.done
  },
)
