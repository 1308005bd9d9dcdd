import { existsSync } from 'node:fs'

/**
 * URL of a file shipped with the code, by its path from the package's root. The root is the nearest parent folder that
 * has a package.json, so the same code works in `src/`, in emitted files and in a bundle.
 */
export const packageFile = (path: string): URL => {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder)
    if (above.href === folder.href) throw new Error(`finding ${path}: no package.json above ${import.meta.url}`)
    folder = above
  }
  return new URL(path, folder)
}
