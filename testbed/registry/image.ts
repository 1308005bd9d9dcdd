import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

/** Bytes as the registry stores them. */
export interface Content {
  readonly mediaType: string
  readonly bytes: Buffer
  readonly digest: string
}

/** All that must be pushed for one image: blobs first, then the manifests, the last one under the tag. */
export interface Image {
  readonly blobs: readonly Content[]
  readonly manifests: readonly Content[]
}

const TYPES = {
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  config: 'application/vnd.oci.image.config.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const content = (mediaType: string, bytes: Buffer): Content => ({ mediaType, bytes, digest: digestOf(bytes) })
const json = (mediaType: string, value: unknown): Content => content(mediaType, Buffer.from(JSON.stringify(value)))
const descriptor = ({ mediaType, bytes, digest }: Content): { mediaType: string; digest: string; size: number } => ({
  mediaType,
  digest,
  size: bytes.length,
})

/** A tar archive (ustar) with one file: 512 bytes of header, the padded text, two empty blocks. */
const tar = (name: string, text: string): Buffer => {
  const body = Buffer.from(text)
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write(' '.repeat(8), 148) // the sum counts its own field as spaces
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512), Buffer.alloc(1024)])
}

const platformImage = (contents: string, platform: string): { blobs: Content[]; manifest: Content } => {
  const [os = 'linux', architecture = 'amd64', variant] = platform.split('/')
  const archive = tar('contents', `${contents}\n`)
  const layer = content(TYPES.layer, gzipSync(archive))
  const config = json(TYPES.config, {
    architecture,
    os,
    ...(variant !== undefined && { variant }),
    config: { Entrypoint: ['/contents'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(archive)] },
  })
  const manifest = json(TYPES.manifest, {
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: descriptor(config),
    layers: [descriptor(layer)],
  })
  return { blobs: [layer, config], manifest }
}

/** A tiny but real image: equal contents and platforms give equal digests. More than one platform makes an index. */
export const makeImage = (contents: string, platforms: readonly string[]): Image => {
  const parts = platforms.map((platform) => ({ platform, ...platformImage(contents, platform) }))
  const blobs = parts.flatMap((part) => part.blobs)
  const manifests = parts.map((part) => part.manifest)
  if (parts.length === 1) return { blobs, manifests }
  const index = json(TYPES.index, {
    schemaVersion: 2,
    mediaType: TYPES.index,
    manifests: parts.map(({ platform, manifest }) => {
      const [os, architecture, variant] = platform.split('/')
      return { ...descriptor(manifest), platform: { os, architecture, ...(variant !== undefined && { variant }) } }
    }),
  })
  return { blobs, manifests: [...manifests, index] }
}
