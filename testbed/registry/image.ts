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

/** A tar archive (ustar) with one file: 512 bytes of header, the padded content, two empty blocks. */
const tar = (name: string, body: Buffer, mode: '0000644' | '0000755'): Buffer => {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(`${mode}\0`, 100)
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

/** Compressing a program takes longer than all else here, and every image has the same. */
const layers = new Map<string, { readonly diffId: string; readonly layer: Content }>()

const layerOf = (archive: Buffer): { readonly diffId: string; readonly layer: Content } => {
  const diffId = digestOf(archive)
  const known = layers.get(diffId) ?? { diffId, layer: content(TYPES.layer, gzipSync(archive)) }
  layers.set(diffId, known)
  return known
}

const platformImage = (
  { contents, program, args = [] }: ImageContent,
  platform: string,
): { blobs: Content[]; manifest: Content } => {
  const [os = 'linux', architecture = 'amd64', variant] = platform.split('/')
  const parts = [layerOf(tar('contents', Buffer.from(`${contents}\n`), '0000644'))]
  if (program) parts.push(layerOf(tar('program', program, '0000755')))
  const config = json(TYPES.config, {
    architecture,
    os,
    ...(variant !== undefined && { variant }),
    config: { Entrypoint: [program ? '/program' : '/contents', ...args] },
    rootfs: { type: 'layers', diff_ids: parts.map(({ diffId }) => diffId) },
  })
  const manifest = json(TYPES.manifest, {
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: descriptor(config),
    layers: parts.map(({ layer }) => descriptor(layer)),
  })
  return { blobs: [...parts.map(({ layer }) => layer), config], manifest }
}

/** What an image holds. */
export interface ImageContent {
  /** What distinguishes it from others. */
  readonly contents: string
  /** A static program that it runs, with arguments; without it the image can be pulled but not run. */
  readonly program?: Buffer
  readonly args?: readonly string[]
}

/** A tiny but real image: equal contents and platforms give equal digests. More than one platform makes an index. */
export const makeImage = (contents: ImageContent, platforms: readonly string[]): Image => {
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
