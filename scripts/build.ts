/** `npm run build [-- FOLDER]`: the programs as they are shipped, one bundle each, in `dist/` or in the named folder. */
import { relative, resolve } from 'node:path'
import { bundle } from './build/bundle.ts'

const folder = resolve(process.argv[2] ?? 'dist')
for (const { file, bytes } of await bundle(folder)) {
  console.log(`${relative(process.cwd(), file)}  ${(bytes / 1024).toFixed(0)} KiB`)
}
