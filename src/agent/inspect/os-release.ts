import type { NodeInspection } from '../../api/node-task.ts'
import { isImmutable } from '../../api/mount-helpers.ts'
import { notAllowed, readSmall, see } from './see.ts'

const unquote = (text: string): string => {
  const quoted = /^(["'])(.*)\1$/.exec(text)
  return (quoted?.[2] ?? text).replace(/\\(["'$`\\])/g, '$1')
}

/** The assignments of an os-release file: freedesktop.org, os-release(5). */
export const parseOsRelease = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split('\n')
      .slice(0, 200)
      .flatMap((line) => {
        const found = /^\s*([A-Z][A-Z0-9_]{0,63})=(.*?)\s*$/.exec(line)
        return found ? [[found[1] ?? '', unquote(found[2] ?? '').slice(0, 128)] as const] : []
      }),
  )

export const lookAtOs = async (path: string | undefined): Promise<NodeInspection['os']> => {
  if (path === undefined) return notAllowed('the operating system', '--os-release')
  return see('reading os-release', async () => {
    const values = parseOsRelease(await readSmall(path))
    const short = (key: string): string | undefined => values[key]?.slice(0, 64)
    const [id, versionId, variantId] = [short('ID'), short('VERSION_ID'), short('VARIANT_ID')]
    if (!id) throw new Error(`${path} has no ID`)
    const likes = (values['ID_LIKE'] ?? '').split(/\s+/).filter(Boolean)
    const idLike = likes.map((each) => each.slice(0, 64)).slice(0, 8)
    const immutable = isImmutable({ id, ...(variantId && { variantId }) })
    return {
      id,
      idLike,
      ...(versionId && { versionId }),
      ...(variantId && { variantId }),
      ...(values['PRETTY_NAME'] && { name: values['PRETTY_NAME'] }),
      immutable,
    }
  })
}
