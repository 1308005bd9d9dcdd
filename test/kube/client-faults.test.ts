import { describe, expect, it, vi } from 'vitest'
import { createKubeClient, type KubeClientOptions, listAll } from '../../src/kube/client.ts'
import { intentOf, KubeError } from '../../src/kube/errors.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { createWorkqueue } from '../../src/runtime/workqueue.ts'
import { answerJson, answerStatus, type Script, startFaultyServer } from './faulty-server.ts'

const against = async (script: Script, options: Partial<KubeClientOptions> = {}) => {
  const server = await startFaultyServer(script)
  return { ...server, client: createKubeClient(server.connection, { userAgent: 'podmend-test/1 (x)', ...options }) }
}

const failure = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof KubeError)) throw new Error('expected a KubeError', { cause: error })
  return error
}

describe('the client, before a server that fails', () => {
  it.each([
    [429, 'get'],
    [503, 'get'],
    [429, 'create'],
    [503, 'patch'],
  ] as const)('repeats what a busy server refused with %i and Retry-After: %s', async (status, verb) => {
    let fences = 0
    const { client, requests } = await against(
      (_request, response, n) => {
        if (n === 1) answerStatus(response, status, 'Busy', { 'retry-after': '0' })
        else answerJson(response, { n })
      },
      { beforeWrite: () => (fences += 1) },
    )
    const calls = {
      get: () => client.get('/api/v1/nodes/a'),
      create: () => client.create('/api/v1/nodes', {}),
      patch: () => client.patch('/api/v1/nodes/a', [], { type: 'json' }),
    }
    expect(await calls[verb]()).toEqual({ n: 2 })
    expect(requests).toHaveLength(2)
    expect(fences).toBe(verb === 'get' ? 0 : 2)
  })

  it('waits as long as Retry-After says', async () => {
    const at: number[] = []
    const { client } = await against((_request, response, n) => {
      at.push(performance.now())
      if (n === 1) answerStatus(response, 429, 'TooManyRequests', { 'retry-after': '1' })
      else answerJson(response, {})
    })
    await client.get('/version')
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(990)
  })

  it('leaves a long wait to the caller, and says how long', async () => {
    const { client, requests } = await against((_request, response) => {
      answerStatus(response, 429, 'TooManyRequests', { 'retry-after': '3600' })
    })
    const error = await failure(client.get('/version'))
    expect(error.message).toContain('asks for a wait of 3600 s; waiting about 60 s')
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(60_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(75_000)
    expect(requests).toHaveLength(1)
  })

  it.each([
    ['0', 429],
    ['Tue, 01 Jan 2019 00:00:00 GMT', 503],
  ])('asks a few times a second at most, whatever is retried: Retry-After: %s', async (retryAfter, status) => {
    const at: number[] = []
    const { client } = await against((_request, response) => {
      at.push(performance.now())
      answerStatus(response, status, 'Busy', { 'retry-after': retryAfter })
    })
    const queue = createWorkqueue<string>({
      run: async () => void (await client.get('/version')),
      concurrency: 1,
      clock: systemClock,
      intentOf,
      backoff: { baseMs: 500, maxMs: 60_000 },
      onError: () => undefined,
    })
    queue.add('a')
    await vi.waitUntil(() => at.length >= 6, { timeout: 60_000 })
    await queue.drain()
    // A lower bound: a slow machine only makes it longer.
    expect((at[5] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(5 * 450)
  })

  it('takes a disruption budget’s 429 for the answer that it is', async () => {
    const { client, requests } = await against((_request, response) => {
      const details = {
        causes: [{ reason: 'DisruptionBudget', message: 'needs 2 healthy pods' }],
        retryAfterSeconds: 1,
      }
      answerJson(response, { kind: 'Status', code: 429, reason: 'TooManyRequests', details }, 429, {
        'retry-after': '1',
      })
    })
    await failure(client.create('/api/v1/namespaces/a/pods/b/eviction', {}))
    expect(requests).toHaveLength(1)
  })

  it('repeats a read after a server error, never a write', async () => {
    const { client, requests } = await against((_request, response, n) => {
      if (n === 2) answerJson(response, { ok: true })
      else answerStatus(response, 500, 'InternalError')
    })
    expect(await client.get('/api/v1/nodes/a')).toEqual({ ok: true })
    expect(await failure(client.replace('/api/v1/nodes/a', {}))).toMatchObject({ status: 500, verb: 'update' })
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'PUT'])
  })

  it('repeats a read on a lost connection, never a write', async () => {
    const { client, requests } = await against((_request, response, n) => {
      if (n === 2) return answerJson(response, { ok: true })
      throw new Error('break')
    })
    expect(await client.get('/api/v1/nodes/a')).toEqual({ ok: true })
    expect(await failure(client.remove('/api/v1/nodes/a'))).toMatchObject({ status: 0, reason: 'Unreachable' })
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'DELETE'])
  })

  it('gives up after a few attempts', async () => {
    const { client, requests } = await against((_request, response) => answerStatus(response, 500, 'InternalError'))
    expect(await failure(client.get('/api/v1/nodes/a'))).toMatchObject({ status: 500, reason: 'InternalError' })
    expect(requests).toHaveLength(4)
  })

  it('reads its credentials again when they are refused, once', async () => {
    const { client, requests, credentials } = await against((request, response) => {
      if (request.headers.authorization === 'Bearer second' && request.path === '/ok') answerJson(response, {})
      else answerStatus(response, 401, 'Unauthorized')
    })
    await client.create('/ok', {})
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second'])
    expect(await failure(client.get('/never'))).toMatchObject({ status: 401 })
    expect(credentials.refreshed).toBe(2)
    expect(requests).toHaveLength(4)
  })

  it.each<[string, Script]>([
    ['says nothing', () => undefined],
    [
      'dribbles an answer that never ends',
      (_request, response) => {
        response.writeHead(200)
        const timer = setInterval(() => response.write('{'), 10)
        response.on('close', () => clearInterval(timer))
      },
    ],
  ])('stops waiting for a server that %s', async (_name, script) => {
    const { client, requests } = await against(script, { timeoutMs: { get: 150 } })
    expect(await failure(client.get('/version'))).toMatchObject({ status: 0, reason: 'Timeout' })
    expect(requests).toHaveLength(1)
  })

  it('does not read an answer beyond its bound', async () => {
    const { client } = await against(
      (_request, response) => {
        response.writeHead(200)
        const timer = setInterval(() => response.write('x'.repeat(10_000)), 1)
        response.on('close', () => clearInterval(timer))
      },
      { maxBytes: 50_000 },
    )
    expect(await failure(client.get('/version'))).toMatchObject({ status: 0, reason: 'TooLarge' })
  })

  it.each(['', '{"metadata":', '<html>'])('says so when the answer is %j instead of JSON', async (body) => {
    const { client } = await against((_request, response) => void response.end(body))
    expect((await failure(client.get('/version'))).message).toBe('get /version: the answer is not JSON')
  })

  it('sends nothing when the fence stops a write', async () => {
    const { client, requests } = await against((_request, response) => answerJson(response, {}), {
      beforeWrite: () => {
        throw new Error('not the leader')
      },
    })
    const writes = [
      client.create('/a', {}),
      client.replace('/a', {}),
      client.patch('/a', {}, { type: 'merge' }),
      client.remove('/a'),
    ]
    for (const write of writes) await expect(write).rejects.toThrow('not the leader')
    expect(requests).toEqual([])
    await client.get('/a')
    expect(requests).toHaveLength(1)
  })

  it('keeps its connections: one for a hundred calls in turn, few for a hundred at once', async () => {
    const { client, connections } = await against((_request, response) => answerJson(response, {}), { maxSockets: 5 })
    for (let i = 0; i < 100; i += 1) await client.get('/version')
    expect(connections()).toBe(1)
    await Promise.all(Array.from({ length: 100 }, () => client.get('/version')))
    expect(connections()).toBe(5)
  })

  it('names patches by their type, and itself as the manager of fields', async () => {
    const { client, requests } = await against((_request, response) => answerJson(response, {}))
    await client.patch('/a', [], { type: 'json', dryRun: true })
    await client.patch('/a', {}, { type: 'apply', force: true, fieldManager: 'other' })
    expect(requests.map(({ headers, query }) => [headers['content-type'], query.toString()])).toEqual([
      ['application/json-patch+json', 'dryRun=All&fieldManager=podmend-test'],
      ['application/apply-patch+yaml', 'fieldManager=other&force=true'],
    ])
  })

  it('follows pages, and stops at a bound', async () => {
    const { client } = await against((request, response) => {
      const from = Number(request.query.get('continue') ?? 0)
      const more = from < 9 ? { continue: String(from + 1) } : {}
      answerJson(response, { metadata: { resourceVersion: '7', ...more }, items: [{ from }, { from }] })
    })
    expect((await listAll(client, '/api/v1/pods')).items).toHaveLength(20)
    expect(await failure(listAll(client, '/api/v1/pods', { maxItems: 10 }))).toMatchObject({ reason: 'TooLarge' })
  })

  it('ends everything when aborted', async () => {
    const stop = new AbortController()
    const { client, requests } = await against(() => undefined, { signal: stop.signal })
    const pending = failure(client.get('/version'))
    while (requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    stop.abort()
    expect(await pending).toMatchObject({ status: 0, reason: 'Aborted' })
    expect(await failure(client.get('/version'))).toMatchObject({ reason: 'Aborted' })
  })

  it('gives each stream a connection of its own, and lines however they are cut', async () => {
    const { client, requests } = await against((request, response) => {
      if (request.path === '/version') return answerJson(response, {})
      response.write('{"a":"é')
      setTimeout(() => response.write('"}\n\n{"b":2}\n{"c'), 20)
      setTimeout(() => response.end('":3}'), 40)
    })
    await client.get('/version')
    const stream = await client.stream('/watch', { resourceVersion: '5' })
    const lines: string[] = []
    for await (const line of stream.lines) lines.push(line)
    expect(lines).toEqual(['{"a":"é"}', '{"b":2}', '{"c":3}'])
    await client.get('/version')
    expect(requests.map(({ socket }) => socket)).toEqual([1, 2, 1])
    expect(requests[1]?.query.toString()).toBe('resourceVersion=5&watch=true')
  })

  it('ends the lines of a stream quietly when it closes it, and with an error when the server breaks it', async () => {
    const { client, close } = await against((_request, response) => void response.write('{"a":1}\n'))
    const read = async (afterFirst: (stream: { close(): void }) => void) => {
      const stream = await client.stream('/watch', {})
      for await (const line of stream.lines) {
        expect(line).toBe('{"a":1}')
        afterFirst(stream)
      }
    }
    await read((stream) => stream.close())
    await expect(read(close)).rejects.toThrow(/aborted|hang up|reset/)
  })

  it('says why a stream could not be opened', async () => {
    const { client } = await against((_request, response) => answerStatus(response, 410, 'Expired'))
    expect(await failure(client.stream('/watch', {}))).toMatchObject({ status: 410, reason: 'Expired', verb: 'watch' })
  })
})
