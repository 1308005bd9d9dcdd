/**
 * What a Helm release was made from, read from the secret in which Helm keeps it: the chart, and the values that hold an
 * image. Source: helm.sh/helm, pkg/storage/driver/secrets.go and util.go (JSON, gzip, base64, and the secret's own base64).
 */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Reads } from '../../kube/client.ts'
import { pathOf, whyUnread } from '../../kube/paths.ts'
import { parseImage } from '../../model/image-reference.ts'
import { type Fact, type KeptBy, known, unknown } from '../../model/incident.ts'
import { isTable } from '../../model/json.ts'
import type { Secret } from '../../model/kubernetes.ts'

interface Release {
  readonly chart?: {
    readonly metadata?: { readonly name?: unknown; readonly version?: unknown }
    readonly values?: unknown
  }
  /** What was given at install or upgrade. */
  readonly config?: unknown
}

/** Unpacked; charts with all their templates are a few MB at most. */
const MAX_RELEASE = 32 * 1_048_576
const MAX_TEXT = 200

const revisionOf = ({ metadata }: Secret): number => Number(metadata.labels?.['version'] ?? 0)

const unpack = async ({ data }: Secret): Promise<Release> => {
  const packed = Buffer.from(Buffer.from(data?.['release'] ?? '', 'base64').toString('latin1'), 'base64')
  const json = await promisify(gunzip)(packed, { maxOutputLength: MAX_RELEASE })
  return Object(JSON.parse(json.toString('utf8'))) as Release
}

const asText = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_TEXT) : '')

const describePaths = (paths: readonly string[]): string => [...new Set(paths)].slice(0, 4).join(' and ')

/** What was given goes before what the chart has for itself. */
const describeRelease = ({ chart, config }: Release, images: readonly string[]): string => {
  const [name, version] = [asText(chart?.metadata?.name), asText(chart?.metadata?.version)]
  const made = `chart ${name || 'without a name'}${version && ` ${version}`}`
  const given = images.flatMap((image) => imageValues(config, image))
  if (given.length > 0) return `${made}, Helm value ${describePaths(given)}`
  const own = images.flatMap((image) => imageValues(chart?.values, image))
  return own.length > 0 ? `${made}, Helm value ${describePaths(own)} (the chart's default)` : made
}

/** `chart web 1.2.3, Helm value image.repository`. Never rejects. */
export const readHelmRelease = async (
  { name, namespace }: KeptBy,
  images: readonly string[],
  reads: Reads,
): Promise<Fact<string>> => {
  let path = ''
  try {
    path = pathOf({ kind: 'Secret', namespace: namespace ?? '' })
    const { items } = await reads.list<Secret>(path, { labelSelector: `owner=helm,name=${name},status=deployed` })
    const [latest] = items.toSorted((a, b) => revisionOf(b) - revisionOf(a))
    if (!latest) return unknown(`no Helm secret records what release ${name} was installed from`)
    return known(describeRelease(await unpack(latest), images))
  } catch (error) {
    if (
      error instanceof SyntaxError ||
      (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
    )
      return unknown(`the secret of release ${name} is not in Helm's format`)
    return unknown(path === '' ? 'its name is not valid' : whyUnread(path, error))
  }
}

// Which Helm values an image was put together from: by the names that most charts use, `image`, `repository`, `registry`, `tag`.

const MAX_DEPTH = 12
const MAX_NODES = 20_000

/** Paths in Helm's notation, as `web.image.repository`; empty where the image is not in the values. Pure, bounded. */
export const imageValues = (values: unknown, image: string): readonly string[] => {
  const parsed = parseImage(image)
  if (!parsed.ok) return []
  const { host, repository, tag } = parsed.reference
  const names = new Set([image, `${host}/${repository}`, repository, image.split(/[:@]/)[0] ?? image])
  const short = repository.replace(/^library\//, '')
  names.add(short)
  const found: string[] = []
  let left = MAX_NODES

  const walk = (value: unknown, path: string, depth: number): void => {
    if (depth > MAX_DEPTH || (left -= 1) < 0) return
    if (
      typeof value === 'string' &&
      (names.has(value) || (tag !== undefined && names.has(value.replace(`:${tag}`, ''))))
    )
      found.push(path)
    if (Array.isArray(value)) value.forEach((one, i) => walk(one, `${path}[${i}]`, depth + 1))
    else if (isTable(value)) {
      const before = found.length
      for (const [key, one] of Object.entries(value)) walk(one, path === '' ? key : `${path}.${key}`, depth + 1)
      // A tag means something only beside the name that it is of.
      const mine = found.slice(before).some((one) => /(?:^|\.)(?:repository|name|image)$/.test(one))
      if (mine && typeof value['tag'] === 'string' && value['tag'] === tag)
        found.push(path === '' ? 'tag' : `${path}.tag`)
    }
  }
  walk(values, '', 0)
  return found
}
