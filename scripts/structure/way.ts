import { folderOf, type SourceFile, type Tree } from './source.ts'

const WORD = /(?<!\w|(?<!\.\.)\.)\w+/g

export interface Way {
  /** Files in the order in which they are first opened. */
  readonly files: readonly string[]
  /** How often the reader changes the top-level folder while opening them; see `followWay`. */
  readonly folderChanges: number
}

/**
 * Follows the waypoints as a reader does who opens a file the first time it is needed.
 *
 * A waypoint is `file:declaration`: its file is opened, and then, in the order of the text, the file of each imported
 * value that the declaration names, by itself or through declarations of its own file. Those files are opened for the one
 * answer and not read further, unless a waypoint leads there. Types alone open nothing. A waypoint that is only `file` is
 * passed through: a dispatcher, of which one branch is taken, namely the next waypoint.
 *
 * A file counts once. A change of folder is one between the top-level folders of two files that are opened one after the
 * other; files in `vocabulary` (words that everything is written in: names, times, paths of the API) are opened, but to
 * look up a word there is not to go there.
 */
export const followWay = (tree: Tree, waypoints: readonly string[], vocabulary: readonly string[] = []): Way => {
  const opened: string[] = []
  const open = (path: string): void => {
    if (!opened.includes(path)) opened.push(path)
  }
  /** The declaration, and those of its own file that it names: what they name of other files opens those. */
  const read = (file: SourceFile, name: string, seen: Set<string>): void => {
    const declaration = file.declarations.get(name)
    if (!declaration || seen.has(name)) return
    seen.add(name)
    for (const [word] of declaration.text.matchAll(WORD)) {
      const from = file.imports.find(({ local, isType }) => local === word && !isType)
      if (!from) read(file, word, seen)
      else if (tree.has(from.file)) open(from.file)
    }
  }
  for (const waypoint of waypoints) {
    const [path = '', name] = waypoint.split(':')
    const file = tree.get(path)
    if (!file) throw new Error(`no file ${path}: correct the list of waypoints`)
    if (name !== undefined && !file.declarations.has(name)) {
      throw new Error(`${path} declares no ${name}: correct the list of waypoints`)
    }
    open(path)
    if (name !== undefined) read(file, name, new Set())
  }
  const folders = opened.map(folderOf).filter((folder) => !vocabulary.includes(folder))
  return { files: opened, folderChanges: folders.filter((folder, at) => at > 0 && folder !== folders[at - 1]).length }
}
