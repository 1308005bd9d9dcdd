import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { createServer as createSocketServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock as clock } from '../../runtime/clock.ts'
import type { Cri } from '../host/host.ts'
import { shortError } from '../verbs/verb.ts'
import { createCri, socketStateOf } from './client.ts'
import { field, numberField } from './protobuf.ts'
import { createTestContainerd, type TestContainerd } from './testing.ts'

const failing = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing failed', shortError)
const { concat } = Buffer
/** Where the machine has no containerd, its packages are fetched once. */
const FETCHING_MS = 300_000

// Only root can run a runtime.
describe.skipIf(process.getuid?.() !== 0)('containerd', () => {
  let containerd: TestContainerd
  /** It takes connections a little before it knows itself. */
  const untilReady = async () => {
    const cri = createCri({ path: containerd.socket, clock })
    while ((await failing(cri.version(5_000))) !== 'nothing failed') await sleep(50)
  }
  beforeAll(async () => {
    containerd = await createTestContainerd()
    await containerd.start()
    await untilReady()
  }, FETCHING_MS)
  afterAll(() => containerd.remove())

  test('says who it is, and lists nothing for a pod that it does not know', async () => {
    const cri = createCri({ path: containerd.socket, clock })
    expect(await cri.version(5_000)).toEqual({
      name: 'containerd',
      version: expect.stringMatching(/^v?\d+\.\d+/),
      tookMs: expect.any(Number),
    })
    expect(await cri.sandboxesOf('3b7c8fa0-0000-0000-0000-000000000000')).toEqual([])
    expect(await cri.runningContainers('0123456789abcdef')).toBe(0)
  })

  test('takes a sandbox that is gone already for stopped and removed', async () => {
    const cri = createCri({ path: containerd.socket, clock })
    await cri.stop('0123456789abcdef')
    await cri.remove('0123456789abcdef')
  })

  test('that was stopped by a signal is not waited for, and answers again when it goes on', async () => {
    const cri = createCri({ path: containerd.socket, clock })
    await containerd.signal('SIGSTOP')
    expect(await failing(cri.version(300))).toBe('calling Version on the container runtime: no answer within 300 ms')
    await containerd.signal('SIGCONT')
    expect(await cri.version(5_000)).toMatchObject({ name: 'containerd' })
  })

  test('that was restarted in between answers as before; in between nobody does', async () => {
    const cri = createCri({ path: containerd.socket, clock })
    await cri.version(5_000)
    await containerd.stop()
    expect(await failing(cri.version(5_000))).toContain('ECONNREFUSED')
    await containerd.start()
    await untilReady()
    expect(await cri.version(5_000)).toMatchObject({ name: 'containerd' })
  })
})

describe('a runtime', () => {
  let folder: string
  let path: string
  const servers: { close: () => void }[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'podmend-cri-'))
    path = join(folder, 'cri.sock')
  })
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  interface Call {
    readonly stream: ServerHttp2Stream
    readonly method: string
    readonly request: Buffer
  }
  const calls: { readonly method: string; readonly request: string }[] = []

  /** A runtime that answers as it is told. */
  const serving = async (answer: (call: Call) => void, server: Http2Server = createServer()) => {
    calls.length = 0
    server.on('sessionError', () => {})
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const chunks: Buffer[] = []
      stream.on('error', () => {})
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const method = String(headers[':path']).replace('/runtime.v1.RuntimeService/', '')
        const request = concat(chunks).subarray(5)
        calls.push({ method, request: request.toString('latin1') })
        answer({ stream, method, request })
      })
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    servers.push(server)
    return createCri({ path, clock, listMs: 2_000, actMs: 2_000 })
  }

  const framed = (message: Buffer, flag = 0, length = message.length): Buffer => {
    const prefix = Buffer.from([flag, 0, 0, 0, 0])
    prefix.writeUInt32BE(length, 1)
    return concat([prefix, message])
  }
  const HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
  const answerWith =
    (bytes: Buffer, trailers: Readonly<Record<string, string>> | undefined = { 'grpc-status': '0' }) =>
    ({ stream }: Call) => {
      stream.respond(HEADERS, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(trailers))
      stream.end(bytes)
    }
  const refuseWith =
    (status: number, message: string) =>
    ({ stream }: Call) =>
      stream.respond({ ...HEADERS, 'grpc-status': String(status), 'grpc-message': message }, { endStream: true })

  const label = (key: string, value: string) => field(5, concat([field(1, key), field(2, value)]))
  const sandbox = (id: string, uid: string, ...more: readonly Buffer[]) =>
    field(1, concat([field(1, id), label('app', 'x'), label('io.kubernetes.pod.uid', uid), ...more]))

  test('is asked for the sandboxes of one pod by its label, and those of others do not count', async () => {
    const created = Buffer.from('20809dffded1faa1f518', 'hex') // created_at = 1795396750826000000
    const list = concat([
      sandbox('ready', 'u1', created),
      sandbox('notready', 'u1', numberField(3, 1)),
      sandbox('strange', 'u2'),
      field(1, field(1, 'without labels')),
    ])
    const cri = await serving(answerWith(framed(list)))
    expect(await cri.sandboxesOf('u1')).toEqual([
      { id: 'ready', state: 'ready', createdAt: 1_795_396_750_826 },
      { id: 'notready', state: 'notready', createdAt: 0 },
    ])
    expect(calls).toEqual([
      {
        method: 'ListPodSandbox',
        request: '\n\x1d\x1a\x1b\n\x15io.kubernetes.pod.uid\x12\x02u1',
      },
    ])
  })

  test('is asked for the running containers of one sandbox, and others do not count', async () => {
    const container = (sandboxId: string, state: number) =>
      field(1, concat([field(1, 'c'), field(2, sandboxId), numberField(6, state)]))
    const list = concat([container('s1', 1), container('s1', 1), container('s1', 2), container('s2', 1)])
    const cri = await serving(answerWith(framed(list)))
    expect(await cri.runningContainers('s1')).toBe(2)
    expect(calls).toEqual([{ method: 'ListContainers', request: '\n\b\x12\x02\b\x01\x1a\x02s1' }])
  })

  test('that knows a sandbox no more has stopped and removed it', async () => {
    const cri = await serving(refuseWith(5, 'not found'))
    await cri.stop('s1')
    await cri.remove('s1')
    expect(calls.map(({ method, request }) => `${method} ${request}`)).toEqual([
      'StopPodSandbox \n\x02s1',
      'RemovePodSandbox \n\x02s1',
    ])
  })

  test('that refuses is quoted', async () => {
    const cri = await serving(refuseWith(2, 'failed to destroy network%3A 50%25'))
    expect(await failing(cri.stop('s1'))).toBe(
      'calling StopPodSandbox on the container runtime: failed to destroy network: 50%',
    )
    const other = createCri({ path, clock })
    expect(await failing(other.version(1_000))).toContain('failed to destroy network')
  })

  test.each<[string, (call: Call) => void, string]>([
    ['sends more than any list is long', answerWith(Buffer.alloc(5 * 1024 * 1024)), 'longer than'],
    [
      'sends without end',
      ({ stream }) => {
        stream.respond(HEADERS)
        const more = () => {
          while (stream.write(Buffer.alloc(65_536))) {}
        }
        stream.on('drain', more)
        more()
      },
      'longer than',
    ],
    ['ends without a status', answerWith(framed(Buffer.alloc(0)), {}), 'ends early'],
    ['ends in the middle of its message', answerWith(framed(Buffer.from('abc'), 0, 9)), 'not one plain gRPC message'],
    ['compresses what it was not asked to', answerWith(framed(Buffer.alloc(3), 1)), 'not one plain gRPC message'],
    ['answers with no message', answerWith(Buffer.alloc(0)), 'not one plain gRPC message'],
    ['answers with nonsense', answerWith(framed(Buffer.from('ffffffffffffffffffffff', 'hex'))), 'more than ten bytes'],
    ['lies about a length', answerWith(framed(Buffer.from('0affffffff0f', 'hex'))), 'a field ends early'],
    [
      'is some other server',
      ({ stream }) => stream.respond({ ':status': 404 }, { endStream: true }),
      'HTTP status 404',
    ],
    ['hangs up', ({ stream }) => stream.session?.destroy(), 'calling ListPodSandbox on the container runtime'],
    ['resets the call', ({ stream }) => stream.close(2), 'ListPodSandbox'],
    ['begins an answer and stops', ({ stream }) => stream.respond(HEADERS), 'no answer within 2000 ms'],
  ])('that %s is not believed and not waited for', async (_, answer, words) => {
    const cri = await serving(answer)
    expect(await failing(cri.sandboxesOf('u1'))).toContain(words)
  })

  test('that takes connections and says nothing is given up in time', async () => {
    const server = createSocketServer((socket) => socket.on('error', () => {}).resume())
    await new Promise<void>((resolve) => server.listen(path, resolve))
    servers.push(server)
    expect(await failing(createCri({ path, clock }).version(200))).toContain('no answer within 200 ms')
  })

  const silence = (cri: Cri) => cri.version(2_000).then(() => undefined, socketStateOf)

  test('that speaks no HTTP/2 is no runtime, and not one that is silent', async () => {
    const server = createSocketServer((socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    servers.push(server)
    const cri = createCri({ path, clock })
    expect(await failing(cri.version(2_000))).toMatch(/runtime: (?!no answer)/)
    expect(await silence(cri)).toBe('odd')
  })

  test.each<[string, (call: Call) => void, string]>([
    ['answers with nonsense', answerWith(framed(Buffer.from('ffffffffffffffffffffff', 'hex'))), 'odd'],
    ['answers with no message', answerWith(Buffer.alloc(0)), 'odd'],
    ['sends more than any answer is long', answerWith(Buffer.alloc(5 * 1024 * 1024)), 'odd'],
    ['is some other server', ({ stream }) => stream.respond({ ':status': 404 }, { endStream: true }), 'odd'],
    ['does not know the call', refuseWith(12, 'unknown service'), 'answers'],
    ['says that it is not available', refuseWith(14, 'starting'), 'silent'],
    ['begins an answer and stops', ({ stream }) => stream.respond(HEADERS), 'silent'],
  ])('that %s is told from one that is silent', async (_, answer, expected) => {
    expect(await silence(await serving(answer))).toBe(expected)
  })

  test('whose socket is not there is told by the code of that error', async () => {
    const error: unknown = await createCri({ path, clock })
      .version(1_000)
      .catch((cause: unknown) => cause)
    expect(error).toMatchObject({ cause: { code: 'ENOENT' } })
  })

  test('is not waited for any longer when the agent is stopping', async () => {
    const cri = await serving(() => {})
    const waiting = failing(cri.stop('s1'))
    setTimeout(() => cri.close(), 50)
    expect(await waiting).toContain('the agent is stopping')
    expect(await failing(cri.stop('s1'))).toContain('the agent is stopping')
  })
})
