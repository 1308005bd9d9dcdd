import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { registryBinaries } from './build.ts'
import { type Content, type ImageContent, makeImage } from './image.ts'

export interface ImageOptions extends Partial<ImageContent> {
  /** `linux/amd64` …; more than one makes an OCI index. Default: `linux/amd64` alone. */
  readonly platforms?: readonly string[]
  /** Default: the image's name. */
  readonly contents?: string
}

/** The distribution registry, holding its images in memory. It knows no users: see `harbor-proxy.ts`. */
export interface Registry {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Makes and pushes an image; the digest is that of the manifest, or index, behind the tag. */
  pushImage(repository: string, tag: string, options?: ImageOptions): Promise<{ readonly digest: string }>
  /** Deletes what the tag stands for, under all its tags. */
  deleteImage(repository: string, tag: string): Promise<void>
  down(): Promise<void>
}

const MANIFEST_TYPES =
  'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, ' +
  'application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json'

const expectStatus = async (response: Response, wanted: number, doing: string): Promise<Response> => {
  if (response.status === wanted) return response
  throw new Error(`${doing}: the registry answered ${response.status} ${await response.text()}`)
}

const pushBlob = async (url: string, repository: string, { bytes, digest }: Content): Promise<void> => {
  const doing = `pushing a blob to ${repository}`
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  const location = (await expectStatus(begun, 202, doing)).headers.get('location') ?? ''
  const target = new URL(location, url)
  target.searchParams.set('digest', digest)
  const put = await fetch(target, {
    method: 'PUT',
    body: new Uint8Array(bytes),
    headers: { 'Content-Type': 'application/octet-stream' },
  })
  await expectStatus(put, 201, doing)
}

const pushManifest = async (url: string, path: string, { mediaType, bytes }: Content): Promise<void> => {
  const put = await fetch(`${url}/v2/${path}`, {
    method: 'PUT',
    body: new Uint8Array(bytes),
    headers: { 'Content-Type': mediaType },
  })
  await expectStatus(put, 201, `pushing ${path}`)
}

/** Starts the registry, after building it if this machine has not yet. It ends with this process, however that ends. */
export const startRegistry = async (): Promise<Registry> => {
  const config = fileURLToPath(new URL('config.yml', import.meta.url))
  const child = spawn(join(await registryBinaries(), 'registry'), ['serve', config], {
    // A session of its own: Ctrl-C reaches it through its standard input, which ends with this process.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    const lines: string[] = []
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line)
      const address = /listening on (?<address>[\d.]+:\d+)/.exec(line)?.groups?.['address']
      if (address) resolve(`http://${address}`)
    })
    child.once('error', reject)
    void ended.then(() => reject(new Error(`starting the registry:\n${lines.join('\n')}`)))
  })
  child.unref()
  // Typed as plain streams; they are sockets, and must not keep this process running.
  for (const stream of [child.stdin, child.stderr] as unknown as { unref?: () => void }[]) stream.unref?.()

  return {
    url,
    pushImage: async (repository, tag, { platforms = ['linux/amd64'], ...content } = {}) => {
      const { blobs, manifests } = makeImage({ contents: `${repository}:${tag}`, ...content }, platforms)
      for (const blob of blobs) await pushBlob(url, repository, blob)
      for (const manifest of manifests) {
        await pushManifest(url, `${repository}/manifests/${manifest.digest}`, manifest)
      }
      const tagged = manifests.at(-1)
      if (!tagged) throw new Error('an image needs a platform')
      await pushManifest(url, `${repository}/manifests/${tag}`, tagged)
      return { digest: tagged.digest }
    },
    deleteImage: async (repository, tag) => {
      const path = `${url}/v2/${repository}/manifests`
      const doing = `deleting ${repository}:${tag}`
      const head = await fetch(`${path}/${tag}`, { method: 'HEAD', headers: { Accept: MANIFEST_TYPES } })
      const digest = (await expectStatus(head, 200, doing)).headers.get('docker-content-digest')
      await expectStatus(await fetch(`${path}/${digest}`, { method: 'DELETE' }), 202, doing)
    },
    down: async () => {
      child.ref()
      child.kill('SIGKILL') // it holds nothing that could be lost
      await ended
    },
  }
}
