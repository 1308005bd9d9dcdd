import { describe, expect, it, onTestFinished } from 'vitest'
import { type Handlers, startHttpServer } from './http-server.ts'

const serve = async (handlers: Handlers) => {
  const errors: unknown[] = []
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, handlers, onError: (error) => errors.push(error) })
  onTestFinished(() => server.close())
  return {
    server,
    errors,
    ask: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init),
  }
}

describe('the probe server', () => {
  it('answers by path, whatever the query', async () => {
    const { ask } = await serve({ '/readyz': () => ({ status: 503, body: 'pods: not synced\n' }) })
    const response = await ask('/readyz?verbose')
    expect([response.status, await response.text()]).toEqual([503, 'pods: not synced\n'])
  })

  it.each([
    ['/', 'GET', 404],
    ['/__proto__', 'GET', 404],
    ['/healthz', 'POST', 405],
    ['/healthz', 'HEAD', 200],
  ])('answers %s by %s with %i', async (path, method, status) => {
    const { ask } = await serve({ '/healthz': () => ({ body: 'ok\n' }) })
    expect((await ask(path, { method })).status).toBe(status)
  })

  it('answers 500 when a handler throws, and goes on', async () => {
    const { ask, errors } = await serve({
      '/metrics': () => {
        throw new Error('no numbers')
      },
    })
    expect([(await ask('/metrics')).status, (await ask('/metrics')).status]).toEqual([500, 500])
    expect(errors).toHaveLength(2)
  })

  it('says which port is taken', async () => {
    const { server } = await serve({})
    const second = startHttpServer({ host: '127.0.0.1', port: server.port, handlers: {} })
    await expect(second).rejects.toThrow(`listening on 127.0.0.1:${server.port}`)
  })
})
