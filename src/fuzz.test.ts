/**
 * Whatever a cluster, a registry or a person sends: nothing throws, nothing is lost, and what must hold holds. Bounded;
 * FUZZ_RUNS=N tries N times as many. A failure prints its seed and the smallest input that fails.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classify } from './catalogue/classify.ts'
import { ROWS } from './catalogue/rows.ts'
import { classifyLine } from './cli/classify/classify.ts'
import { distance, similarNames } from './model/edit-distance.ts'
import { type FakeRegistry, startFakeRegistry, writeCertsDirectory } from './diagnose/registry/fake-registry.ts'
import { createRegistry, type Registry } from './diagnose/registry/registry.ts'
import { CAUSES } from './model/causes.ts'
import { formatImage, normalImage, parseImage, rewritePrefix, underPrefix } from './model/image-reference.ts'

const TIMES = Number(process.env['FUZZ_RUNS'] ?? 1)
const runs = (numRuns: number) => ({ numRuns: numRuns * TIMES })

const known = new Set(CAUSES)
const literals = ROWS.flatMap(({ all = [], any = [] }) => [...all, ...any].filter((piece) => typeof piece === 'string'))
const samples = ROWS.map(({ sample }) => sample.message)

/** Text of any kind, and text that looks like failures: pieces of rows and samples, cut, repeated, quoted and wrapped. */
const fragment = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(...literals),
  fc.constantFrom(...samples).chain((text) => fc.nat(text.length).map((end) => text.slice(0, end))),
  fc.constantFrom(
    '(combined from similar events): ',
    'Error: ',
    'rpc error: code = Unknown desc = ',
    '\\"',
    '"',
    '\n',
    '\0',
    ': ',
    '\ud800',
  ),
  fc.tuple(fc.constantFrom(...literals), fc.nat(300)).map(([text, times]) => text.repeat(times)),
)
const message = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(''))

describe('the matcher', () => {
  test('answers every message with a cause that there is, the same one each time', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...ROWS.map(({ sample }) => sample.reason)), fc.string()),
        message,
        (reason, text) => {
          const found = classify({ reason, message: text })
          expect(known.has(found.cause)).toBe(true)
          expect(found.row === undefined).toBe(found.cause === 'Unknown')
          expect(classify({ reason, message: text })).toEqual(found)
        },
      ),
      runs(3_000),
    )
  })

  test('is not put off by what the kubelet wraps around its own words', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ROWS), fc.nat(3), ({ sample: { reason, message: text }, cause }, times) => {
        expect(classify({ reason, message: `${'(combined from similar events): '.repeat(times)}${text}` }).cause).toBe(
          cause,
        )
      }),
      runs(500),
    )
  })
})

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(
        'a',
        'B',
        'nginx',
        '.',
        '/',
        ':',
        '@',
        '-',
        '_',
        '__',
        'sha256',
        ':5000',
        'é',
        ' ',
        '%2f',
        '..',
        '0'.repeat(64),
      ),
      {
        maxLength: 14,
      },
    )
    .map((parts) => parts.join('')),
)

describe('references of images', () => {
  test('are read and written without loss, or refused with a sentence', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const parsed = parseImage(text)
        if (!parsed.ok) {
          expect(parsed.sentence).toMatch(/^image ".*" is not a valid reference: /s)
          return
        }
        const again = parseImage(formatImage(parsed.reference))
        expect(again).toEqual(parsed)
        expect(normalImage(normalImage(text))).toBe(normalImage(text))
      }),
      runs(5_000),
    )
  })

  test('keep what lies behind the prefix that is rewritten', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (image, from, to) => {
        const made = rewritePrefix(image, from, to)
        expect(made !== undefined).toBe(underPrefix(normalImage(image), from) && parseImage(normalImage(image)).ok)
      }),
      runs(3_000),
    )
  })

  test('are near to each other in both directions, and never to another number', () => {
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        expect(distance(a, b)).toBeCloseTo(distance(b, a))
        expect(distance(a, b)).toBeGreaterThanOrEqual(0)
        expect(similarNames(a, [a])).toEqual([])
        expect(similarNames(`${a}1`, [`${a}2`])).toEqual([])
      }),
      runs(2_000),
    )
  })
})

test('classify answers each line with one line of JSON, and keeps what stood there', () => {
  const object = fc.record(
    { reason: fc.anything(), message: fc.oneof(message, fc.anything()), id: fc.integer() },
    { requiredKeys: [] },
  )
  const line = fc.oneof(
    message.map((text) => text.replaceAll('\n', ' ')),
    object.map((value) => JSON.stringify(value)),
    fc.json(),
  )
  fc.assert(
    fc.property(line, fc.boolean(), (text, cut) => {
      const answer = classifyLine({ number: 1, text, cut })
      expect(answer).not.toContain('\n')
      const read = JSON.parse(answer) as { cause: never; id?: unknown }
      expect(known.has(read.cause)).toBe(true)
      if (cut || !text.trim().startsWith('{')) return
      expect(read.id).toEqual((JSON.parse(text) as { id?: unknown }).id)
    }),
    runs(3_000),
  )
})

describe('a registry that answers anything', () => {
  let server: FakeRegistry
  let certs: Awaited<ReturnType<typeof writeCertsDirectory>>
  let registry: Registry
  let next: { status: number; headers: Record<string, string>; body: Buffer }[] = []
  let now = 0

  beforeAll(async () => {
    server = await startFakeRegistry((_, response) => {
      const { status, headers, body } = next.shift() ?? { status: 404, headers: {}, body: Buffer.alloc(0) }
      response.writeHead(status, headers).end(body)
    })
    certs = await writeCertsDirectory({ 'r.example.com': `server = "${server.origin}"` })
    registry = createRegistry({
      certsDirectory: certs.path,
      timing: { requestTimeoutMs: 1_000, deadlineMs: 2_000 },
      clock: { now: () => now, monotonic: () => performance.now() },
    })
  })
  afterAll(async () => {
    registry.close()
    await server.close()
    await certs.remove()
  })

  const value = fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\x20-\x7e]/g, ''))
  const headers = fc.record(
    {
      'content-type': fc.oneof(
        value,
        fc.constantFrom(
          'application/json',
          'application/vnd.oci.image.index.v1+json',
          'application/vnd.docker.distribution.manifest.v2+json',
        ),
      ),
      'docker-content-digest': fc.oneof(value, fc.constant(`sha256:${'a'.repeat(64)}`)),
      'www-authenticate': fc.oneof(
        value,
        value.map((text) => `Bearer realm="${text}"`),
        fc.constantFrom('Basic realm="x"', 'Bearer', 'Bearer realm="/token",scope="'),
      ),
      location: fc.oneof(
        value,
        fc.constantFrom('/v2/', 'http://169.254.169.254/latest/meta-data', 'https://[::1]/', '//'),
      ),
      'retry-after': value,
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record(
        {
          errors: fc.anything(),
          tags: fc.anything(),
          repositories: fc.anything(),
          token: fc.anything(),
          manifests: fc.anything(),
          config: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((value_) => Buffer.from(JSON.stringify(value_))),
  )
  const answer = fc.record({
    status: fc.oneof(fc.constantFrom(200, 301, 307, 401, 403, 404, 429, 500, 503), fc.integer({ min: 200, max: 599 })),
    headers,
    body,
  })

  test(
    'makes neither a question fail nor a list',
    async () => {
      const kinds = new Set([
        'exists',
        'projectMissing',
        'repositoryMissing',
        'tagMissing',
        'denied',
        'limited',
        'unreachable',
        'refused',
      ])
      await fc.assert(
        fc.asyncProperty(
          fc.array(answer, { minLength: 1, maxLength: 4 }),
          fc.boolean(),
          async (answers, withCredentials) => {
            // Answers hold for a while: each run is a day later.
            now += 86_400_000
            next = answers.map((one) => ({
              ...one,
              body: [204, 304].includes(one.status) ? Buffer.alloc(0) : one.body,
            }))
            const credentials = withCredentials ? [{ username: 'u', password: 'p', source: 's' }] : []
            const image = 'r.example.com/team/app:1'
            expect(kinds.has((await registry.ask(image, credentials)).kind)).toBe(true)
            next = answers
            expect(typeof (await registry.list('tags', image, credentials)).known).toBe('boolean')
          },
        ),
        runs(300),
      )
    },
    60_000 * TIMES,
  )
})
