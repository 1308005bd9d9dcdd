import { describe, expect, test } from 'vitest'
import { runMend } from '../../../test/cli/run-mend.ts'

const MOVED = 'project not found, name: k8s'

const answers = async (input: string | readonly Buffer[]): Promise<unknown[]> => {
  const { out } = await runMend(['classify'], { input })
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

describe('each line is answered by one line, in order', () => {
  const table: readonly (readonly [string, string, unknown])[] = [
    [
      'a known failure gets its cause and row',
      JSON.stringify({ reason: 'Failed', message: MOVED }),
      { reason: 'Failed', message: MOVED, cause: 'ProjectNotFound', row: expect.any(String) },
    ],
    [
      'words that nobody knows stay Unknown',
      '{"message":"purple rain"}',
      { message: 'purple rain', cause: 'Unknown', row: null },
    ],
    [
      'other fields stay',
      '{"message":"x","id":7,"more":{"a":[1]}}',
      { message: 'x', id: 7, more: { a: [1] }, cause: 'Unknown', row: null },
    ],
    [
      'a cause that was there gives way',
      '{"cause":"Mine","message":"x"}',
      { cause: 'Unknown', message: 'x', row: null },
    ],
    ['a line without brace is a message', MOVED, { message: MOVED, cause: 'ProjectNotFound', row: expect.any(String) }],
    [
      'a reason of another type is none',
      '{"reason":1,"message":"x"}',
      { reason: 1, message: 'x', cause: 'Unknown', row: null },
    ],
    [
      'broken JSON is answered with what is wrong',
      '{"message":',
      { cause: 'Unknown', row: null, error: 'line 1: not JSON: Unexpected end of JSON input' },
    ],
    [
      'a missing message is named',
      '{"reason":"Failed"}',
      { reason: 'Failed', cause: 'Unknown', row: null, error: 'line 1: "message" must be a string; it is missing' },
    ],
    [
      'a message of another type is named',
      '{"message":["x"]}',
      { message: ['x'], cause: 'Unknown', row: null, error: 'line 1: "message" must be a string; found a list' },
    ],
    [
      'an empty object is answered',
      '{}',
      { cause: 'Unknown', row: null, error: 'line 1: "message" must be a string; it is missing' },
    ],
    [
      'a prototype in the input stays data',
      '{"__proto__":1,"message":"x"}',
      JSON.parse('{"__proto__":1,"message":"x","cause":"Unknown","row":null}'),
    ],
  ]
  test.each(table)('%s', async (_, line, expected) => {
    expect(await answers(`${line}\n`)).toEqual([expected])
  })

  test('bad lines between good ones shift nothing', async () => {
    const lines = [`{"message":"${MOVED}"}`, '{', '', '{"message":2}', MOVED]
    const causes = (await answers(lines.join('\n'))).map((answer) => (answer as { cause: string }).cause)
    expect(causes).toEqual(['ProjectNotFound', 'Unknown', 'Unknown', 'Unknown', 'ProjectNotFound'])
  })

  test('numbers beyond 2^53 are copied as they were written', async () => {
    const { out } = await runMend(['classify'], { input: '{"message":"x","ns":1700000000000000001}\n' })
    expect(out).toContain('"ns":1700000000000000001,')
  })

  test('line ends of Windows, a byte order mark and a missing last end do not matter', async () => {
    expect(await answers('\uFEFF{"message":"a"}\r\n{"message":"b"}')).toEqual([
      { message: 'a', cause: 'Unknown', row: null },
      { message: 'b', cause: 'Unknown', row: null },
    ])
  })

  test('a character cut in two by the stream is whole again', async () => {
    const bytes = Buffer.from('{"message":"péché"}\n')
    expect(await answers([bytes.subarray(0, 13), bytes.subarray(13)])).toEqual([
      { message: 'péché', cause: 'Unknown', row: null },
    ])
  })

  test('a line without measure is answered, and so is the next', async () => {
    const huge = Buffer.alloc(1_000_000, 'x')
    const input = [Buffer.from('{"message":"'), huge, huge, huge, huge, huge, Buffer.from('"}\nnext\n')]
    const [first, second] = (await answers(input)) as { error?: string; message?: string }[]
    expect(first?.error).toMatch(/^line 1: longer than/)
    expect(second?.message).toBe('next')
  })
})

test('what was read is answered before more comes', async () => {
  const seen: string[] = []
  async function* input() {
    yield Buffer.from('first\n')
    await Promise.resolve()
    seen.push(played.output())
    yield Buffer.from('second\n')
  }
  const played = runMend.start(['classify'], { input: input() })
  await played.finished
  expect(seen[0]).toContain('first')
})

test('a file that is not there is named, and the others are still read', async () => {
  const { status, out, err } = await runMend(['classify', '/nonexistent/a', '-'], { input: 'x\n' })
  expect(status).toBe(1)
  expect(err).toContain('reading /nonexistent/a: ENOENT')
  expect(out).toContain('"message":"x"')
})

describe('what is pasted as a whole', () => {
  test('is answered by a line for each Event of kubectl get events -o json', async () => {
    const items = [
      { kind: 'Event', reason: 'Failed', message: MOVED },
      { kind: 'Event', reason: 'Scheduled', message: 'assigned' },
    ]
    expect(await answers(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 4))).toEqual([
      { reason: 'Failed', message: MOVED, cause: 'ProjectNotFound', row: expect.any(String) },
      { reason: 'Scheduled', message: 'assigned', cause: 'Unknown', row: null },
    ])
  })

  test('is answered by a line for each state and Event of kubectl describe', async () => {
    const text = `Name:  web\n    State:  Waiting\n      Reason:  CrashLoopBackOff\nEvents:\n  Type     Reason  Age  From     Message\n  Warning  Failed  2m   kubelet  ${MOVED}\n`
    expect(await answers(text)).toEqual([
      { reason: 'CrashLoopBackOff', message: '', cause: 'CrashLoop', row: expect.any(String) },
      { reason: 'Failed', message: MOVED, cause: 'ProjectNotFound', row: expect.any(String) },
    ])
  })

  test('is answered line by line where it is no whole', async () => {
    expect(await answers(`{\n${MOVED}\n  "items": [`)).toEqual([
      { cause: 'Unknown', row: null, error: expect.stringMatching(/^line 1: not JSON/) },
      { message: MOVED, cause: 'ProjectNotFound', row: expect.any(String) },
      { message: '"items": [', cause: 'Unknown', row: null },
    ])
  })
})
