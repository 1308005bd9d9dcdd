import { expect, test } from 'vitest'
import { runMend } from '../../test/cli/run-mend.ts'

const MISUSES: readonly (readonly [readonly string[], string])[] = [
  [['frobnicate'], 'unknown subcommand "frobnicate"; expected one of explain, classify'],
  [['approve'], 'no Remediation given; kubectl get rem -A --field-selector status.phase=AwaitingApproval'],
  [['approve', 'pod/a/b'], 'found "pod/a/b"; expected TYPE/NAME'],
  [['deny', 'web', '--plan', '1234'], '--plan: found "1234", expected 8 to 64 hexadecimal digits'],
  [['constructor'], 'unknown subcommand "constructor"'],
  [['classify', '--frob'], '--frob is not a flag; expected one of --output, --help'],
  [['classify', '--constructor'], '--constructor is not a flag'],
  [['classify', '-o'], '-o: found no value, expected one of json'],
  [['classify', '-o', 'xml'], '-o: found "xml", expected one of json'],
  [['classify', '--output', '--help'], '--output: found no value, expected one of json before "--help"'],
  [['classify', '--help=maybe'], '--help: found "maybe", expected true or false'],
]

test.each(MISUSES)('mend %j is refused with one sentence and status 2', async (args, sentence) => {
  const { status, out, err } = await runMend(args)
  expect(err).toContain(`error: ${sentence}`)
  expect(err.trimEnd()).not.toContain('\n')
  expect([status, out]).toEqual([2, ''])
})

test('help lists the subcommands', async () => {
  const { status, out } = await runMend(['help'])
  expect(status).toBe(0)
  expect(out).toMatch(/^ {2}classify {2}/m)
  expect(out).toMatch(/^ {2}deny {2}/m)
})

test.each([[['help', 'classify']], [['classify', '-h']], [['-o', 'json', 'classify', '--help']]])(
  'mend %j shows the help of the subcommand',
  async (args) => {
    const { status, out } = await runMend(args)
    expect(out).toMatch(/^kubectl mend classify /)
    expect(status).toBe(0)
  },
)

test('version is that of the package, as text and as data', async () => {
  expect((await runMend(['version'])).out).toMatch(/^podmend \d+\.\d+\.\d+\n$/)
  expect(JSON.parse((await runMend(['version', '-o=json'])).out)).toHaveProperty('version')
})
