import type { ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKubeClient } from '../../src/kube/client.ts'
import { createReflector, type ReflectorOptions } from '../../src/kube/informer.ts'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { createManualClock } from '../../src/runtime/clock.ts'
import { answerJson, answerStatus, type Received, type Script, startFaultyServer } from './faulty-server.ts'

const object = (name: string, version: number, annotations: Record<string, string> = {}): KubeObject => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: String(version), annotations },
})
const line = (response: ServerResponse, type: string, of: unknown) =>
  void response.write(`${JSON.stringify({ type, object: of })}\n`)
const bookmark = (response: ServerResponse, version: number, annotations = {}) =>
  line(response, 'BOOKMARK', object('', version, annotations))
const endInitial = (response: ServerResponse, version: number) =>
  bookmark(response, version, { 'k8s.io/initial-events-end': 'true' })
const isWatch = ({ query }: Received) => query.has('watch')
const isInitial = ({ query }: Received) => query.has('sendInitialEvents')

/** A reflector before a misbehaving server, with time in the test's hand and a journal of what it told. */
const against = async (
  script: Script,
  {
    on,
    ...more
  }: Partial<Omit<ReflectorOptions<KubeObject, string>, 'on'>> & {
    readonly on?: Partial<ReflectorOptions<KubeObject, string>['on']>
  } = {},
) => {
  const server = await startFaultyServer(script)
  const clock = createManualClock()
  const journal: string[] = []
  const errors: { message: string; retryInMs: number | undefined }[] = []
  const reflector = createReflector<KubeObject, string>({
    name: 'things',
    client: createKubeClient(server.connection, { userAgent: 'test' }),
    path: '/api/v1/things',
    project: ({ metadata: { name } }) => (name.startsWith('healthy') ? undefined : name),
    on: {
      upsert: (item, meta) => journal.push(`+${item}@${meta.resourceVersion}`),
      remove: (item) => journal.push(`-${item}`),
      synced: () => journal.push('synced'),
      error: (error, { retryInMs }) =>
        errors.push({ message: error instanceof Error ? error.message : String(error), retryInMs }),
      ...on,
    },
    clock,
    ...more,
  })
  onTestFinished(() => reflector.stop())
  reflector.start()
  /** Lets time pass, `stepMs` of ours for every few of the machine's, until it is so. */
  const eventually = async (check: () => void, stepMs = 0) => {
    for (let left = 200; ; left -= 1) {
      try {
        return check()
      } catch (error) {
        if (left === 0) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
      await clock.advance(stepMs)
    }
  }
  const watches = () => server.requests.filter(isWatch)
  return { ...server, clock, journal, errors, reflector, eventually, watches }
}

/** Streams `items`, then says that these were all, and stays. */
const streamInitial = (response: ServerResponse, items: readonly KubeObject[], version: number) => {
  for (const item of items) line(response, 'ADDED', item)
  endInitial(response, version)
}

describe('the reflector, before a server that fails', () => {
  it('reads by pages where the server cannot stream what there is', async () => {
    const { journal, reflector, eventually, requests, errors } = await against((request, response) => {
      if (isInitial(request)) return answerStatus(response, 422, 'Invalid')
      if (isWatch(request)) return line(response, 'ADDED', object('c', 12))
      const second = request.query.get('continue') === 'more'
      answerJson(response, {
        metadata: { resourceVersion: '10', ...(!second && { continue: 'more' }) },
        items: [object(second ? 'b' : 'a', 5)],
      })
    })
    await eventually(() => expect(journal).toEqual(['+a@5', '+b@5', 'synced', '+c@12']))
    expect([...reflector.items().values()]).toEqual(['a', 'b', 'c'])
    expect(requests[1]?.query.get('limit')).toBe('500')
    expect(requests.at(-1)?.query.get('resourceVersion')).toBe('10')
    expect(errors).toEqual([])
  })

  it('reads by pages where the server ignores the wish for a stream', async () => {
    const { journal, eventually } = await against((request, response) => {
      if (isInitial(request)) return line(response, 'ADDED', object('a', 5))
      if (isWatch(request)) return response.flushHeaders()
      answerJson(response, { metadata: { resourceVersion: '10' }, items: [object('a', 5)] })
    })
    await eventually(() => expect(journal).toEqual(['+a@5']))
    await eventually(() => expect(journal).toEqual(['+a@5', 'synced']), 1_000)
  })

  it.each<[string, (response: ServerResponse) => void]>([
    ['as the answer', (response) => answerStatus(response, 410, 'Expired')],
    ['inside the stream', (response) => line(response, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' })],
  ])(
    'lists again when its resourceVersion is gone, reported %s, and delivers only deletions and changes',
    async (_name, refuse) => {
      const { journal, reflector, eventually, errors } = await against((request, response, n) => {
        if (n === 1) {
          streamInitial(response, [object('a', 1), object('b', 2), object('c', 3)], 5)
          return void response.end()
        }
        if (!isInitial(request)) return refuse(response)
        streamInitial(response, [object('b', 2), object('c', 9), object('d', 10)], 20)
      })
      await eventually(
        () => expect(journal).toEqual(['+a@1', '+b@2', '+c@3', 'synced', '+c@9', '+d@10', '-a', 'synced']),
        1_000,
      )
      expect([...reflector.items().keys()]).toEqual(['uid-b', 'uid-c', 'uid-d'])
      expect(errors).toEqual([])
    },
  )

  it('goes on after any number of server errors, asking less and less often', async () => {
    const { journal, eventually, errors } = await against((_request, response, n) => {
      if (n <= 12) answerStatus(response, 500, 'InternalError')
      else streamInitial(response, [object('a', 1)], 5)
    })
    await eventually(() => expect(journal).toEqual(['+a@1', 'synced']), 10_000)
    expect(errors.length).toBe(12)
    expect(errors.at(-1)?.retryInMs).toBeGreaterThan(5_000)
  }, 60_000)

  it('says what right it lacks, asks again after a long while, and works once it was granted', async () => {
    const granted = { yet: false }
    const message = 'things is forbidden: User "u" cannot watch resource "things" in API group "" at the cluster scope'
    const { clock, journal, eventually, errors, requests } = await against((_request, response) => {
      if (granted.yet) return streamInitial(response, [], 5)
      answerJson(response, { kind: 'Status', code: 403, reason: 'Forbidden', message }, 403)
    })
    await eventually(() => expect(errors).toHaveLength(1))
    expect(errors[0]?.message).toBe(
      'not allowed to watch things in the whole cluster: u needs the verb "watch" on resource "things" of API group ""',
    )
    await clock.advance(20_000)
    expect(requests).toHaveLength(1)
    granted.yet = true
    await eventually(() => expect(journal).toEqual(['synced']), 1_000)
  })

  it('takes up where it stopped when a line is cut off', async () => {
    const { journal, eventually, watches, errors } = await against((request, response, n) => {
      if (!isWatch(request))
        return answerJson(response, { metadata: { resourceVersion: '5' }, items: [object('a', 1)] })
      if (n > 1) return line(response, 'MODIFIED', object('a', 8))
      streamInitial(response, [object('a', 1)], 5)
      response.end('{"type":"MODIFIED","object":{"metadata":{"na')
    })
    await eventually(() => expect(journal).toEqual(['+a@1', 'synced', '+a@8']), 1_000)
    expect(watches()[1]?.query.get('resourceVersion')).toBe('5')
    expect(errors[0]?.message).toContain('a line is not JSON')
  })

  it('skips a line that can never be read by listing again', async () => {
    const { journal, eventually } = await against((request, response, n) => {
      if (!isWatch(request))
        return answerJson(response, { metadata: { resourceVersion: '1' }, items: [object('a', 1)] })
      if (!isInitial(request)) return void response.end('poison\n')
      streamInitial(response, [object(n === 1 ? 'a' : 'b', n)], n)
      if (n === 1) response.end()
    })
    await eventually(() => expect(journal).toEqual(['+a@1', 'synced', '+b@5', '-a', 'synced']), 100)
  })

  it('resumes where it stopped, without an error, when the server closes the watch after its timeout', async () => {
    const { clock, journal, eventually, watches, errors } = await against((_request, response, n) => {
      if (n > 1) return line(response, 'DELETED', object('a', 31))
      streamInitial(response, [object('a', 1)], 5)
      bookmark(response, 30)
      setTimeout(() => response.end(), 60)
    })
    await eventually(() => expect(journal).toEqual(['+a@1', 'synced']))
    await clock.advance(45_000)
    await eventually(() => expect(journal).toEqual(['+a@1', 'synced', '-a']), 10)
    expect(watches()[1]?.query.get('resourceVersion')).toBe('30')
    expect(errors).toEqual([])
    const seconds = Number(watches()[0]?.query.get('timeoutSeconds'))
    expect(seconds).toBeGreaterThanOrEqual(300)
    expect(seconds).toBeLessThan(600)
  })

  it.each<[string, readonly KubeObject[] | undefined, string, string]>([
    ['when an object has changed', [object('a', 40), object('b', 2)], 'MODIFIED', '+a@40'],
    ['when an object is gone', [object('b', 2)], 'DELETED', '-a'],
    ['when nothing answers at all', undefined, 'MODIFIED', '+a@40'],
  ])('notices a half-open connection within two minutes and misses nothing: %s', async (_name, listed, type, told) => {
    const { clock, journal, eventually, watches, errors } = await against((request, response, n) => {
      if (n === 1) return streamInitial(response, [object('a', 1), object('b', 2)], 5)
      if (isWatch(request)) return line(response, type, object('a', 40))
      if (listed) answerJson(response, { metadata: { resourceVersion: '50' }, items: listed })
    })
    await eventually(() => expect(journal.at(-1)).toBe('synced'))
    const startedAt = clock.now()
    await clock.advance(60_000)
    expect(watches()).toHaveLength(1)
    await eventually(() => expect(journal.at(-1)).toBe(told), 1_000)
    expect(clock.now() - startedAt).toBeLessThan(120_000)
    expect(watches()[1]?.query.get('resourceVersion')).toBe('5')
    expect(errors[0]?.message).toContain('silent')
  })

  it('bears the silence of a watch without bookmarks when the collection says that nothing happened', async () => {
    const { clock, reflector, eventually, watches, requests } = await against(
      (request, response, n) => {
        if (!isWatch(request))
          return answerJson(response, { metadata: { resourceVersion: '90' }, items: [object('a', 1)] })
        if (n === 1) streamInitial(response, [object('a', 1)], 5)
      },
      { keep: false },
    )
    await eventually(() => expect(reflector.hasSynced()).toBe(true))
    const syncedAt = reflector.heard().at
    await clock.advance(80_000)
    await eventually(() => expect(reflector.heard().at).toBeGreaterThan(syncedAt))
    expect(watches()).toHaveLength(1)
    expect(requests[1]?.headers.accept).toContain('PartialObjectMetadataList')
    expect(reflector.items().size).toBe(0)
  })

  /** What the server has at 20, of which the watch delivered nothing after 10 but bookmarks. */
  it.each<[string, readonly KubeObject[], readonly string[]]>([
    ['a change', [object('a', 15), object('b', 6)], ['+a@15']],
    ['a new object', [object('a', 5), object('b', 6), object('c', 14)], ['+c@14']],
    ['a deletion', [object('a', 5)], ['-b']],
  ])('notices %s that a watch dropped while it went on with bookmarks', async (_, items, news) => {
    const { journal, errors, eventually, watches, requests } = await against(
      (request, response, n) => {
        if (!isWatch(request)) return answerJson(response, { metadata: { resourceVersion: '20' }, items })
        if (n > 1) return streamInitial(response, items, 21)
        streamInitial(response, [object('a', 5), object('b', 6)], 10)
        const beat = setInterval(() => bookmark(response, 20), 5)
        response.on('close', () => clearInterval(beat))
      },
      { keep: 'compared' },
    )
    await eventually(() => expect(journal).toEqual(['+a@5', '+b@6', 'synced']))
    await eventually(() => expect(journal.slice(3)).toEqual([...news, 'synced']), 1_000)
    expect(errors).toEqual([
      { message: 'watch of things: it did not deliver all changes, listing everything again', retryInMs: 0 },
    ])
    expect(watches()).toHaveLength(2)
    expect(requests.filter((request) => !isWatch(request))).toHaveLength(1)
  })

  it('compares what it keeps once a minute, every five while that is nothing, and believes a watch that is right', async () => {
    let items: readonly KubeObject[] = [object('a', 5)]
    const { clock, journal, errors, eventually, watches, requests } = await against(
      (request, response) => {
        if (!isWatch(request)) return answerJson(response, { metadata: { resourceVersion: '30' }, items })
        streamInitial(response, items, 10)
        const beat = setInterval(() => bookmark(response, 20), 2)
        const end = setInterval(() => {
          if (items.length > 0) return
          line(response, 'DELETED', object('a', 15))
          clearInterval(end)
        }, 1)
        response.on('close', () => [beat, end].forEach(clearInterval))
      },
      { keep: 'compared' },
    )
    const lists = () => requests.filter((request) => !isWatch(request)).length
    await eventually(() => expect(journal).toEqual(['+a@5', 'synced']))
    const from = clock.monotonic()
    await eventually(() => expect(lists()).toBe(3), 1_000)
    expect(clock.monotonic() - from).toBeGreaterThanOrEqual(180_000)
    items = []
    await eventually(() => expect(journal.at(-1)).toBe('-a'))
    const emptied = clock.monotonic()
    await eventually(() => expect(lists()).toBe(4), 2_000)
    expect(clock.monotonic() - emptied).toBeGreaterThanOrEqual(290_000)
    expect(watches()).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('takes up a silent watch without bookmarks as far as the collection was seen to be quiet', async () => {
    const { clock, journal, eventually, watches } = await against(
      (request, response, n) => {
        if (!isWatch(request)) return answerJson(response, { metadata: { resourceVersion: '90' }, items: [] })
        if (n > 1) return line(response, 'ADDED', object('b', 91))
        streamInitial(response, [], 5)
        const end = setInterval(() => clock.now() > clock0 + 100_000 && response.end(), 5)
        response.on('close', () => clearInterval(end))
      },
      { keep: false },
    )
    const clock0 = clock.now()
    await eventually(() => expect(journal).toEqual(['synced']))
    await clock.advance(80_000)
    await eventually(() => expect(journal).toEqual(['synced', '+b@91']), 1_000)
    expect(watches()[1]?.query.get('resourceVersion')).toBe('90')
  })

  it('takes up a silent watch without bookmarks when the collection has something newer', async () => {
    const { clock, journal, eventually, watches } = await against(
      (request, response, n) => {
        if (!isWatch(request))
          return answerJson(response, { metadata: { resourceVersion: '9' }, items: [object('b', 7)] })
        if (n > 1) return line(response, 'ADDED', object('b', 7))
        streamInitial(response, [object('a', 1)], 5)
      },
      { keep: false },
    )
    await eventually(() => expect(journal).toEqual(['+a@1', 'synced']))
    await clock.advance(80_000)
    await eventually(() => expect(journal.at(-1)).toBe('+b@7'), 500)
    expect(watches()[1]?.query.get('resourceVersion')).toBe('5')
  })

  it.each<[string, Script]>([
    [
      'its connection breaks, and the collection is at an earlier version',
      (request, response, n) => {
        if (n === 1) {
          streamInitial(response, [object('a', 10), object('b', 12)], 20)
          return void setTimeout(() => response.destroy(), 50)
        }
        if (!isWatch(request))
          return answerJson(response, {
            metadata: { resourceVersion: '15' },
            items: [object('a', 10), object('c', 14)],
          })
        if (isInitial(request)) streamInitial(response, [object('a', 10), object('c', 14)], 16)
      },
    ],
    [
      'its connection breaks, and new writes have passed the version that it knew',
      (request, response, n) => {
        if (n === 1) {
          streamInitial(response, [object('a', 18), object('b', 12)], 20)
          return void setTimeout(() => response.destroy(), 50)
        }
        if (!isWatch(request))
          return answerJson(response, {
            metadata: { resourceVersion: '30' },
            items: [object('a', 10), object('c', 14)],
          })
        if (isInitial(request)) streamInitial(response, [object('a', 10), object('c', 14)], 31)
      },
    ],
    [
      'a bookmark of its watch is earlier than the version from which it resumed',
      (request, response, n) => {
        if (n === 1) {
          streamInitial(response, [object('a', 10), object('b', 12)], 20)
          return void setTimeout(() => bookmark(response, 15), 50)
        }
        if (isInitial(request)) streamInitial(response, [object('a', 10), object('c', 14)], 16)
      },
    ],
    [
      'its watch is silent, and the collection is at an earlier version',
      (request, response, n) => {
        if (n === 1) return streamInitial(response, [object('a', 10), object('b', 12)], 20)
        if (!isWatch(request))
          return answerJson(response, { metadata: { resourceVersion: '15' }, items: [object('a', 10)] })
        if (isInitial(request)) streamInitial(response, [object('a', 10), object('c', 14)], 16)
      },
    ],
  ])('lists everything again from a server that was restored from a backup, when %s', async (_, script) => {
    let restored = 0
    const { clock, journal, reflector, eventually, errors } = await against(script, {
      on: { restored: () => (restored += 1) },
    })
    await eventually(() => expect(journal.at(-1)).toBe('synced'))
    const startedAt = clock.now()
    journal.length = 0
    // What has the version that was known is reported too: the same number may stand for something else.
    await eventually(() => expect(journal).toEqual(['+a@10', '+c@14', '-b', 'synced']), 1_000)
    expect(clock.now() - startedAt).toBeLessThan(120_000)
    expect([...reflector.items().values()]).toEqual(['a', 'c'])
    expect(restored).toBe(1)
    expect(errors.some(({ message }) => message.includes('earlier state'))).toBe(true)
  })

  it('tells since when it has heard nothing, and that its attempts fail', async () => {
    const { clock, reflector, eventually } = await against((_request, response, n) => {
      if (n > 1) return answerStatus(response, 503, 'ServiceUnavailable')
      streamInitial(response, [object('a', 1)], 5)
      setTimeout(() => response.destroy(), 50)
    })
    await eventually(() => expect(reflector.hasSynced()).toBe(true))
    const { at } = reflector.heard()
    expect(reflector.heard()).toEqual({ at: clock.now(), agoMs: 0 })
    await eventually(() => expect(reflector.heard().failing).toBeDefined())
    await clock.advance(40_000)
    expect(reflector.heard()).toMatchObject({ at, agoMs: clock.now() - at, failing: { error: expect.any(Error) } })
    expect(reflector.heard().failing?.forMs).toBeGreaterThanOrEqual(40_000)
  })

  it('reports once that its watch works again, and for how long it had failed', async () => {
    let refuses = true
    const recovered: number[] = []
    const { clock, reflector, eventually } = await against(
      (_request, response, n) => {
        if (n > 1 && refuses) return answerStatus(response, 503, 'ServiceUnavailable')
        streamInitial(response, [object('a', 1)], 5)
        if (n === 1) setTimeout(() => response.destroy(), 50)
      },
      { on: { recovered: (failedForMs) => recovered.push(failedForMs) } },
    )
    await eventually(() => expect(reflector.heard().failing).toBeDefined())
    await clock.advance(40_000)
    expect(recovered).toEqual([])
    refuses = false
    await eventually(() => expect(reflector.heard().failing).toBeUndefined(), 1_000)
    await clock.advance(60_000)
    expect(recovered).toHaveLength(1)
    expect(recovered[0]).toBeGreaterThanOrEqual(40_000)
  })

  it.each<[string, readonly KubeObject[], string, readonly string[]]>([
    ['nothing has changed', [object('a', 1)], '9', []],
    ['the watch lacks an object that changed', [object('a', 7)], '9', ['+a@7', 'synced']],
    ['the watch has an object that is gone', [], '9', ['-a', 'synced']],
  ])('confirms that it is current when asked: %s', async (_, items, version, told) => {
    const { journal, reflector, eventually, clock } = await against((request, response, n) => {
      if (!isWatch(request)) return answerJson(response, { metadata: { resourceVersion: version }, items })
      if (n === 1) streamInitial(response, [object('a', 1)], 5)
      else streamInitial(response, items, 9)
    })
    await eventually(() => expect(journal.at(-1)).toBe('synced'))
    journal.length = 0
    let confirmed = false
    const since = clock.now()
    void reflector.confirm().then(() => (confirmed = true))
    expect(confirmed).toBe(false)
    await eventually(() => expect(confirmed).toBe(true), 100)
    expect(journal).toEqual(told)
    expect(clock.now() - since).toBeLessThan(10_000)
  })

  it('outlives what its handlers throw, and says so', async () => {
    const { reflector, eventually, errors } = await against(
      (_request, response) => streamInitial(response, [object('a', 1), object('b', 2)], 5),
      {
        on: {
          upsert: (item) => {
            if (item === 'a') throw new Error('a bad day')
          },
        },
      },
    )
    await eventually(() => expect(reflector.hasSynced()).toBe(true))
    expect([...reflector.items().values()]).toEqual(['a', 'b'])
    expect(errors).toEqual([{ message: 'handling things', retryInMs: undefined }])
  })

  it('keeps nothing of what it does not want, and lets go of what it no longer wants', async () => {
    const { journal, reflector, eventually } = await against((_request, response) => {
      streamInitial(response, [object('healthy', 1), object('a', 2)], 5)
      line(response, 'MODIFIED', { metadata: { ...object('healthy-now', 8).metadata, uid: 'uid-a' } })
    })
    await eventually(() => expect(journal).toEqual(['+a@2', 'synced', '-a']))
    expect(reflector.items().size).toBe(0)
  })

  it('stops at once, whatever it is doing, and leaves no connection', async () => {
    const { reflector, eventually, clock } = await against((_request, response) => streamInitial(response, [], 5))
    await eventually(() => expect(reflector.hasSynced()).toBe(true))
    await reflector.stop()
    await eventually(() => expect(clock.pending()).toBe(0))
  })
})
