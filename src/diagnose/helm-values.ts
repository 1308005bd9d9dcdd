/** Which Helm values an image was put together from: by the words of most charts, `image`, `repository`, `registry`, `tag`. */
import { parseImage } from '../api/image-reference.ts'

const MAX_DEPTH = 12
const MAX_NODES = 20_000

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Paths in Helm's notation, as `web.image.repository`; empty where the image does not stand in the values. Pure, bounded. */
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
